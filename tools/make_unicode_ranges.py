#!/usr/bin/env python3
"""Writes src/tokenize/unicode_ranges.cc: where Hugging Face's tokenizers see characters otherwise than our libraries.

Asks `tokenizers` about every character, and libpcre2-8 and libutf8proc about the same ones.

    python3 -m venv venv && venv/bin/pip install tokenizers==0.23.3
    venv/bin/python tools/make_unicode_ranges.py      on Debian 12, with libpcre2-8-0, libutf8proc2, clang-format-14
"""

import ctypes
import pathlib
import subprocess

import tokenizers
from tokenizers import Regex, normalizers, pre_tokenizers

EVERY = [c for c in range(0x110000) if not 0xD800 <= c < 0xE000]
PCRE2_UCP, PCRE2_UTF = 0x00020000, 0x00080000
OUTPUT = pathlib.Path(__file__).parent.parent / "src" / "tokenize" / "unicode_ranges.cc"


def matched_by_tokenizers(pattern):
    """Characters that the regex of tokenizers' pre-tokenizers matches."""
    split = pre_tokenizers.Split(Regex(pattern), behavior="removed")
    found = set()
    for base in range(0, len(EVERY), 4096):
        part = EVERY[base:base + 4096]
        kept = set("".join(piece for piece, _ in split.pre_tokenize_str("".join(map(chr, part)))))
        found |= {c for c in part if chr(c) not in kept}
    return found


def matched_by_pcre2(pattern):
    pcre2 = ctypes.CDLL("libpcre2-8.so.0")
    pcre2.pcre2_compile_8.restype = ctypes.c_void_p
    pcre2.pcre2_match_data_create_8.restype = ctypes.c_void_p
    error, offset = ctypes.c_int(), ctypes.c_size_t()
    code = ctypes.c_void_p(pcre2.pcre2_compile_8(pattern.encode(), ctypes.c_size_t(len(pattern)), PCRE2_UTF | PCRE2_UCP,
                                                 ctypes.byref(error), ctypes.byref(offset), None))
    data = ctypes.c_void_p(pcre2.pcre2_match_data_create_8(1, None))

    def matches(c):
        text = chr(c).encode()
        return pcre2.pcre2_match_8(code, text, ctypes.c_size_t(len(text)), ctypes.c_size_t(0), 0, data, None) > 0

    return {c for c in EVERY if matches(c)}


def bert(**asked):
    flags = dict(clean_text=False, handle_chinese_chars=False, strip_accents=False, lowercase=False)
    return normalizers.BertNormalizer(**{**flags, **asked}).normalize_str


def combining_classes():
    """Of each character, by libutf8proc: the uint16 after the category in utf8proc_property_t."""
    library = ctypes.CDLL("libutf8proc.so.2")
    library.utf8proc_get_property.restype = ctypes.POINTER(ctypes.c_uint16)
    return {c: library.utf8proc_get_property(c)[1] for c in EVERY}


def marks_that_stay_in_place():
    """Combining characters that tokenizers' NFD, of an older Unicode, does not sort."""
    nfd = normalizers.NFD().normalize_str
    overlay, iota = "\u0334", "\u0345"  # of the lowest class, 1, and the highest, 240
    found = set()
    for c, ordering in combining_classes().items():
        if ordering == 0 or nfd(chr(c)) != chr(c):
            continue
        before, after = nfd("a" + iota + chr(c)), nfd("a" + chr(c) + overlay)
        if before[-1] == chr(c) and after[1] == chr(c) and 1 < ordering < 240:
            found.add(c)
    return found


def newer_lower_case():
    lower = ctypes.CDLL("libutf8proc.so.2").utf8proc_tolower
    normalize = bert(lowercase=True)
    changed = {c: normalize(chr(c)) for c in EVERY}
    # U+0130 gives two characters; NFD has taken it apart before.
    return {c: ord(text) for c, text in changed.items() if len(text) == 1 and ord(text) != lower(c)}


def ranges_of(found):
    ranges = []
    for c in sorted(found):
        if ranges and ranges[-1][1] == c - 1:
            ranges[-1][1] = c
        else:
            ranges.append([c, c])
    return ranges


def as_array(name, comment, found):
    items = [f"{{0x{first:X}, 0x{last:X}}}," for first, last in ranges_of(found)]
    return array_text(name, "CodePointRange", comment, items)


def array_text(name, kind, comment, items):
    lines, line = [], "   "
    for item in items:
        if len(line) + len(item) + 1 > 100:
            lines.append(line)
            line = "   "
        line += " " + item
    lines.append(line)
    return f"// {comment}\nconstexpr {kind} {name}[] = {{\n" + "\n".join(lines) + "\n};\n"


def lower_case_array():
    runs = []
    for c, lower in sorted(newer_lower_case().items()):
        if runs and runs[-1][1] == c - 1 and lower - c == runs[-1][2] - runs[-1][0]:
            runs[-1][1] = c
        else:
            runs.append([c, c, lower])
    items = [f"{{0x{first:X}, 0x{last:X}, 0x{lower:X}}}," for first, last, lower in runs]
    return array_text("kNewerCapitals", "CapitalRange", "Capitals that utf8proc 2.8 does not know.", items)


def main():
    letters, numbers = matched_by_tokenizers(r"\p{L}"), matched_by_tokenizers(r"\p{N}")
    digits = pre_tokenizers.Digits(individual_digits=True)
    isolated = {c for c in EVERY if len(digits.pre_tokenize_str(f"a{chr(c)}a")) == 3}
    known_letters, known_numbers = matched_by_pcre2(r"\p{L}"), matched_by_pcre2(r"\p{N}")
    assert known_letters <= letters and known_numbers <= numbers <= isolated
    clean = bert(clean_text=True)
    strip = bert(strip_accents=True)
    split = pre_tokenizers.BertPreTokenizer()
    parts = [
        as_array("kNewerLetters", "\\p{L} of tokenizers, not of PCRE2 10.42.", letters - known_letters),
        as_array("kNewerNumbers", "\\p{N} likewise.", numbers - known_numbers),
        as_array("kNewerDigits", "What Digits(individual_digits) sets apart, beyond PCRE2's \\p{N}.",
                 isolated - known_numbers),
        as_array("kSpaces", "\\s of tokenizers. PCRE2's has U+180E too.", matched_by_tokenizers(r"\s")),
        as_array("kBertRemoved", "What BertNormalizer's clean_text drops.", {c for c in EVERY if clean(chr(c)) == ""}),
        as_array("kBertPunctuation", "What BertPreTokenizer makes words of their own.",
                 {c for c in EVERY if len(split.pre_tokenize_str(f"a{chr(c)}a")) == 3}),
        as_array("kBertAccents", "What BertNormalizer's strip_accents drops.",
                 {c for c in EVERY if strip(chr(c)) == ""}),
        as_array("kUnsortedMarks", "Combining characters that tokenizers' NFD leaves where they are.",
                 marks_that_stay_in_place()),
        lower_case_array(),
    ]
    text = f"""// Characters as Hugging Face's tokenizers {tokenizers.__version__} see them. Made by tools/make_unicode_ranges.py.
#include "tokenize/unicode_ranges.h"

#include <algorithm>

namespace fovea::tokenize {{
namespace {{

// clang-format off
""" + "\n".join(parts) + """// clang-format on

}  // namespace

std::span<const CodePointRange> newer_letters() noexcept { return kNewerLetters; }
std::span<const CodePointRange> newer_numbers() noexcept { return kNewerNumbers; }
std::span<const CodePointRange> newer_digits() noexcept { return kNewerDigits; }
std::span<const CodePointRange> spaces() noexcept { return kSpaces; }
std::span<const CodePointRange> bert_removed() noexcept { return kBertRemoved; }
std::span<const CodePointRange> bert_punctuation() noexcept { return kBertPunctuation; }
std::span<const CodePointRange> bert_accents() noexcept { return kBertAccents; }
std::span<const CodePointRange> unsorted_marks() noexcept { return kUnsortedMarks; }
std::span<const CapitalRange> newer_capitals() noexcept { return kNewerCapitals; }

bool is_in(std::span<const CodePointRange> ranges, char32_t code_point) noexcept {
  const auto after = std::ranges::upper_bound(ranges, code_point, {}, &CodePointRange::first);
  return after != ranges.begin() && code_point <= (after - 1)->last;
}

}  // namespace fovea::tokenize
"""
    OUTPUT.write_text(text)
    subprocess.run(["clang-format-14", "-i", OUTPUT], check=True)


if __name__ == "__main__":
    main()
