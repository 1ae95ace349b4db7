"""Texts that tokenizers get wrong, drawn from a fixed seed: what make_tokenizer_goldens.py asks Hugging Face about."""

import random

ENGLISH = """Your journey starts with one step When the road bends your journey starts again it's don't we'll they've I'd
you're HE'S Don'T rock'n'roll naïve café über Straße coöperate El Niño façade résumé jalapeño Ångström smörgåsbord
unbelievable internationalization supercalifragilisticexpialidocious pneumonoultramicroscopicsilicovolcanoconiosis""".split()

PHRASES = [
    "你好，世界！今天天气很好。", "こんにちは世界。ｶﾀｶﾅとひらがな", "안녕하세요 세계 각각 조합", "Привет, мир! Ёжик съел йогурт.",
    "Γειά σου Κόσμε, ΟΔΥΣΣΕΥΣ Σίσυφος", "مرحبا بالعالم، كَيْفَ حَالُكَ؟", "שָׁלוֹם עוֹלָם", "नमस्ते दुनिया क्षत्रिय ज़िंदगी", "สวัสดีชาวโลก กำลังทำ น้ำ",
    "வணக்கம் உலகம்", "ನಮಸ್ಕಾರ", "გამარჯობა მსოფლიო", "Բարեւ աշխարհ", "ሰላም ልዑል", "မင်္ဂလာပါ ကမ္ဘာလောက", "Xin chào thế giới, Việt Nam ở đâu",
    "İstanbul'da IŞIK ılık", "ǅ Ǆ ǆ ﬁ ﬂ ﬃ ŉ", "ÅÅÅ K Ω µ μ", "½ ¼ ² ³ ¹ ① ㊿ Ⅳ ⅷ 〇 一二三", "٠١٢٣٤٥ ०१२३ ๐๑๒ 𝟘𝟙𝟚 𝟏𝟐", "ǰ ḍ̇ ḍ̇ q̣̇", "ⱥ Ⱥ Ꭰ ꭰ Ა ა",
    "$3.50 €4 £5 ¥6 ₹7 100% ±2 ×3 ÷4", "“quotes” ‘single’ «guillemets» „low“ ‚x‘ it’s", "em—dash en–dash hy‐phen soft\u00adhyphen non\u2011breaking",
    "∀x∈ℝ: x²≥0 ∑∏∫√∞≈≠≤", "→←↑↓⇒⇔ ☺☻♥♦♣♠ ✓✗ ★☆", "𝔘𝔫𝔦𝔠𝔬𝔡𝔢 𝒮𝒸𝓇𝒾𝓅𝓉 𝕕𝕠𝕦𝕓𝕝𝕖", "ಠ_ಠ (╯°□°)╯︵ ┻━┻ ¯\\_(ツ)_/¯",
]

CODE = [
    "def f(x: int) -> str:\n    return f\"{x!r:>10}\"  # comment\n", "for (int i=0;i<n;++i){a[i]+=b[i]*0x1F;}", "SELECT * FROM t WHERE a>=1 AND b<>'x''y';",
    "\t\tif err != nil {\n\t\t\treturn fmt.Errorf(\"x: %w\", err)\n\t\t}\n", "#include <vector>\r\nint main(){return 0;}\r\n", "<p class=\"a\">&amp;&nbsp;</p><!-- c -->",
    "snake_case camelCase PascalCase SCREAMING_CASE kebab-case x1y2z3", "https://example.com/a/b?c=d&e=%20f#g http://user:pw@host:8080/~x", "me+tag@mail.example.co.uk",
    "C:\\Users\\me\\file.txt /usr/local/bin ../x", "1,234,567.89 1e-10 0x7fff 0b1010 1_000 3.14159 192.168.0.1 2024-02-29T12:34:56Z", "{\"a\": [1, 2.5, null], \"b\": {\"c\": \"\\u00e9\"}}",
    "a == b != c <= d >= e && f || !g ?? h => i -> j ::k ...l", "$$\\frac{a}{b} \\sum_{i=0}^{n} x_i$$", "```python\nprint('hi')\n```", "<?php echo $x['y'] ?? \"z\"; ?>",
]

SPECIALS = ["<|endoftext|>", "<|im_start|>", "<|im_end|>", "<repo_name>", "<file_sep>", "<filename>", "<jupyter_code>", "<empty_output>",
            "[CLS]", "[SEP]", "[PAD]", "[UNK]", "[MASK]", "[cls]", "<|endoftext", "|endoftext|>", "<|ENDOFTEXT|>", "##ing", "[unused1]"]

SPACES = [" ", "  ", "   ", "\t", "\n", "\r", "\r\n", "\n\n", "\v", "\f", "\x85", "\xa0", "\u1680", "\u2000", "\u2003", "\u2009", "\u200a", "\u2028",
          "\u2029", "\u202f", "\u205f", "\u3000", "\u180e", "\u200b", "\u200c", "\u200d", "\u2060", "\ufeff", "\x1c", "\x1d", "\x1e", "\x1f", "\x00"]

EMOJI = ["😀", "👍🏽", "👩‍👩‍👧‍👦", "🏳️‍🌈", "🇩🇪🇯🇵", "1️⃣", "#️⃣", "❤️", "👨🏿‍🚀", "🤷‍♀️", "🏴󠁧󠁢󠁥󠁮󠁧󠁿", "☕", "🫠", "🪿", "🧑‍🤝‍🧑", "✈︎", "🫨", "🩷", "🇺"]

BLOCKS = [(0x300, 0x36F), (0x370, 0x3FF), (0x400, 0x52F), (0x591, 0x5F4), (0x600, 0x6FF), (0x700, 0x7FF), (0x800, 0x8FF), (0x900, 0x97F), (0x980, 0x9FF),
          (0xA00, 0xAFF), (0xB00, 0xBFF), (0xC00, 0xCFF), (0xD00, 0xDFF), (0xE00, 0xEFF), (0xF00, 0xFFF), (0x1000, 0x109F), (0x10A0, 0x11FF),
          (0x1200, 0x139F), (0x13A0, 0x167F), (0x1700, 0x18AF), (0x1AB0, 0x1CFF), (0x1D00, 0x1DFF), (0x1E00, 0x1FFF), (0x2000, 0x206F), (0x2070, 0x218F),
          (0x2190, 0x2BFF), (0x2C00, 0x2DFF), (0x2E00, 0x303F), (0x3040, 0x33FF), (0x3400, 0x4DFF), (0x4E00, 0x9FFF), (0xA000, 0xABFF), (0xAC00, 0xD7FF),
          (0xE000, 0xE0FF), (0xF900, 0xFAFF), (0xFB00, 0xFDFF), (0xFE00, 0xFEFF), (0xFF00, 0xFFFF), (0x10000, 0x107FF), (0x10800, 0x10FFF),
          (0x11000, 0x11FFF), (0x12000, 0x14646), (0x16000, 0x18CFF), (0x1AFF0, 0x1B2FF), (0x1BC00, 0x1CFFF), (0x1D000, 0x1D7FF), (0x1D800, 0x1EFFF),
          (0x1F000, 0x1FBFF), (0x20000, 0x2FA1F), (0x30000, 0x323AF), (0xE0000, 0xE01EF), (0xF0000, 0xF00FF), (0x50000, 0x500FF), (0xC0000, 0xC00FF)]

DIGITS = [0x30, 0xB2, 0xBC, 0x660, 0x6F0, 0x966, 0x9E6, 0xE50, 0x1369, 0x17E0, 0x2070, 0x2080, 0x2150, 0x2160, 0x2460, 0x3007, 0x3021, 0xA620, 0xFF10,
          0x10140, 0x104A0, 0x10D40, 0x11DE0, 0x11F50, 0x16FF4, 0x1CCF0, 0x1D2C0, 0x1D7CE, 0x1E4F0, 0x1E5F1, 0x1F100]

INVALID = [b"\xff", b"\xfe", b"\xc0\xaf", b"\xc1\xbf", b"\xed\xa0\x80", b"\xed\xbf\xbf", b"\xe2\x82", b"\xe2", b"\xf0\x9f\x98", b"\xf0\x9f", b"\xf0",
           b"\xf4\x90\x80\x80", b"\xf5\x80\x80\x80", b"\x80", b"\xbf", b"\xe0\x80\x80", b"\xf0\x80\x80\x80", b"\xf8\x88\x80\x80\x80", b"\xc3", b"\xc3\x28",
           b"\xe2\x28\xa1", b"\xf0\x28\x8c\xbc", b"\xf0\x90\x28\xbc", b"\xef\xbf\xbd", b"\xef\xbf"]

# Ways to write a unit many times over; what is as long as this is stored as a rule.
RUNS = [("a", 1_000_000), (" ", 1_000_000), ("word", 250_000), ("😀", 250_000), ("1", 1_000_000), ("!", 1_000_000), ("\u0301", 100_000), ("é", 100_000),
        ("\n", 100_000), (" a", 100_000), ("\u302e\u302a", 50_000), ("漢", 100_000), ("<|endoftext|>", 10_000), ("\x00", 100_000), ("'s", 100_000)]


class Drawer:
    """Draws texts, each as bytes."""

    def __init__(self, seed):
        self.random = random.Random(seed)

    def any_of(self, things):
        return self.random.choice(things)

    def of_block(self, block):
        return chr(self.random.randint(*block))

    def sentence(self):
        words = [self.any_of(ENGLISH) for _ in range(self.random.randint(2, 12))]
        return "".join(word + self.any_of([" ", " ", " ", ", ", ". ", "  ", "-", "\n"]) for word in words)

    def spaced(self):
        return "".join(self.any_of(ENGLISH + ["1", "42", "!", "漢"]) + self.any_of(SPACES) + self.any_of(["", "", *SPACES])
                       for _ in range(self.random.randint(1, 8)))

    def emoji(self):
        return "".join(self.any_of(EMOJI) + self.any_of(["", "", " ", "a", "1"]) for _ in range(self.random.randint(1, 10)))

    def block(self):
        block = self.any_of(BLOCKS)
        return "".join(self.of_block(block) + self.any_of(["", "", "", " ", "a", "'s", "7"]) for _ in range(self.random.randint(3, 25)))

    def mixed_blocks(self):
        return "".join(self.of_block(self.any_of(BLOCKS)) for _ in range(self.random.randint(2, 15)))

    def marks(self):
        marks = [(0x300, 0x36F), (0x300, 0x36F), (0x591, 0x5C7), (0x64B, 0x65F), (0x93C, 0x94D), (0x1AB0, 0x1ACE), (0x1DC0, 0x1DFF), (0x20D0, 0x20F0),
                 (0x302A, 0x302F), (0x1D165, 0x1D18B), (0x10D24, 0x10D27), (0x16FF0, 0x16FF1), (0x11938, 0x11943)]
        text = ""
        for _ in range(self.random.randint(1, 5)):
            text += self.any_of(list("aeiouAEnqZ") + ["é", "Å", "ạ", "가", "か", "漢", " ", "1", "ḍ"])
            text += "".join(self.of_block(self.any_of(marks)) for _ in range(self.random.randint(1, 8)))
        return text

    def digits(self):
        return "".join(chr(self.any_of(DIGITS) + self.random.randint(0, 9)) + self.any_of(["", "", "", " ", "  ", "a", ".", ","])
                       for _ in range(self.random.randint(1, 20)))

    def special(self):
        return "".join(self.any_of(["", " ", "text", "\n", "a "]) + self.any_of(SPECIALS) for _ in range(self.random.randint(1, 5))) + self.any_of(["", " end"])

    def long_word(self):
        length = self.any_of([20, 50, 99, 100, 101, 102, 150, 300, 1000])
        letters = self.any_of(["a", "abc", "e\u0301", "é", "journey", "🙂", "字", "ÄÖÜ", "xy\u0323\u0307", "0", "\u0e01\u0e33"])
        return self.any_of(["", " ", "pre "]) + (letters * length)[:length] + self.any_of(["", " post", "."])

    def controls(self):
        return "".join(self.any_of(["\r\n", "\r", "\n", "\ufeff", "\u2028", "\u2029", "\x85", "\x00", chr(self.random.randint(0, 31)), "\x7f", "\u202e",
                                    "\u061c", "a", "B", " ", "word", "!"]) for _ in range(self.random.randint(2, 14)))

    def runs(self):
        return "".join(self.any_of(["a", " ", "!", "=", "-", "\n", "\t", "0", "ä", "字", "\u0301", "😀", "ab", " \n", "'"]) * self.random.randint(1, 60)
                       for _ in range(self.random.randint(1, 4)))

    def invalid(self):
        parts = [self.any_of(INVALID) + self.any_of([b"", b"a", b" ", b"word", "é".encode(), b"1"]) for _ in range(self.random.randint(1, 6))]
        return self.any_of([b"", b"x", b" "]) + b"".join(parts)

    def random_bytes(self):
        return bytes(self.random.randrange(256) for _ in range(self.random.randint(1, 30)))


def texts():
    """Returns [(bytes, holds specials)]: the hand-made ones, then the drawn ones."""
    found = [""] + PHRASES + CODE + SPECIALS + SPACES + ["a" + s + "b" for s in SPACES] + ["a" + s + s + " b" for s in SPACES] + EMOJI
    found += [" ".join(ENGLISH[i:i + 8]) for i in range(0, len(ENGLISH), 8)]
    found += ["Your journey starts with one step", "Hello world's  ünïcode 123 你好", "<script>alert(1)</script>", "]]></style>", "javascript:x"]
    drawer = Drawer(20240229)
    kinds = [(drawer.sentence, 250), (drawer.spaced, 250), (drawer.emoji, 120), (drawer.block, 450), (drawer.mixed_blocks, 200), (drawer.marks, 250),
             (drawer.digits, 200), (drawer.special, 120), (drawer.long_word, 80), (drawer.controls, 150), (drawer.runs, 120), (drawer.invalid, 250),
             (drawer.random_bytes, 120)]
    drawn = [draw() for draw, count in kinds for _ in range(count)]
    drawer.random.shuffle(drawn)
    raw = [text if isinstance(text, bytes) else text.encode() for text in found + drawn]
    return list(dict.fromkeys(raw))  # each once


def sweep(first):
    """Every character of 4096, between letters, after a space and before a mark."""
    return "".join(f"a{chr(c)}b {chr(c)}1{chr(c)}\u0316" for c in range(first, first + 4096) if not 0xD800 <= c < 0xE000)
