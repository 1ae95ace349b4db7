#!/usr/bin/env python3
"""Writes tests/hostile: small .gguf and .safetensors files that are damaged, odd or something else altogether, and
expected.tsv, which says of each whether it loads, and what the reader must say.

Run: python3 tools/make_hostile_files.py. tests/formats/hostile_test.cc reads them; the fuzzers start from them.
Columns of expected.tsv: file; verdict (loads, rejected = against the format, unsupported = not read by fovea); a part of
the message, or for a file that loads its tensors: "name TYPE shape" in the data's order, and the number of keys.
"""

import json
import pathlib
import struct

FOLDER = pathlib.Path(__file__).parent.parent / "tests" / "hostile"
U8, I8, U16, I16, U32, I32, F32, BOOL, STRING, ARRAY, U64, I64, F64 = range(13)
ALL_BITS = 2**64 - 1
expected = []


def write(name, content, verdict, text):
    (FOLDER / name).write_bytes(content)
    expected.append((name, verdict, text))


# GGUF, in the order of the file.

def string(text):
    text = text.encode() if isinstance(text, str) else text
    return struct.pack("<Q", len(text)) + text


def key(name, kind, value):
    return string(name) + struct.pack("<I", kind) + value


def array(kind, count, elements=b""):
    return struct.pack("<IQ", kind, count) + elements


def tensor(name="a", sizes=(4,), kind=0, offset=0, axes=None):
    return (string(name) + struct.pack("<I", len(sizes) if axes is None else axes) +
            b"".join(struct.pack("<Q", size) for size in sizes) + struct.pack("<IQ", kind, offset))


def gguf(keys=(), tensors=(), data=b"", version=3, magic=b"GGUF", tensor_count=None, key_count=None, alignment=32):
    head = magic + struct.pack("<IQQ", version, len(tensors) if tensor_count is None else tensor_count,
                               len(keys) if key_count is None else key_count)
    head += b"".join(keys) + b"".join(tensors)
    return head + (b"\0" * (-len(head) % alignment) + data if data else b"")


U32_7 = struct.pack("<I", 7)
NAME = key("general.name", STRING, string("odd"))
FLOATS = struct.pack("<8f", *range(8))  # 32 bytes


def alignment_of(value, kind=U32, code="<I"):
    return key("general.alignment", kind, struct.pack(code, value))


def gguf_beginnings():
    def refuse(name, content, text, verdict="rejected"):
        write(f"gguf_{name}.gguf", content, verdict, text)

    refuse("nothing", b"", "is no GGUF file: it looks like nothing")
    refuse("half_a_magic", b"GG", "is no GGUF file")
    refuse("wrong_magic", gguf(magic=b"GGUX"), "is no GGUF file")
    refuse("old_ggml", b"tjgg" + struct.pack("<I", 3) + bytes(40), "GGML model (ggjt)")
    refuse("only_a_magic", b"GGUF", "the version takes 4 bytes; the file ends after 0")
    refuse("version_0", gguf(version=0), "GGUF version 0; 2 and 3 are read")
    refuse("version_1", gguf(version=1), "GGUF version 1; 2 and 3 are read")
    refuse("version_4", gguf(version=4), "GGUF version 4; 2 and 3 are read")
    refuse("big_endian", b"GGUF" + struct.pack(">IQQ", 3, 0, 0), "version 3 of a big-endian GGUF", "unsupported")
    refuse("no_counts", gguf()[:8], "the number of tensors takes 8 bytes")
    refuse("half_a_count", gguf()[:20], "the number of keys takes 8 bytes; the file ends after 4")
    for count in (1, 2**32, 2**63, ALL_BITS):
        refuse(f"tensor_count_{count:x}", gguf(tensor_count=count), f"the number of tensors is {count}; the 8 bytes left")
        refuse(f"key_count_{count:x}", gguf(key_count=count), f"the number of keys is {count}; the 0 bytes left")
    refuse("key_count_one_too_many", gguf([NAME], key_count=2), "the file ends after 0")


def gguf_keys():
    def refuse(name, keys, text, verdict="rejected"):
        write(f"gguf_{name}.gguf", gguf(keys if isinstance(keys, list) else [keys]), verdict, text)

    refuse("key_length_all_bits", struct.pack("<Q", ALL_BITS) + bytes(20), f"a string of {ALL_BITS} bytes; 20 are left")
    refuse("key_length_past_end", struct.pack("<Q", 21) + bytes(20), "a string of 21 bytes; 20 are left")
    refuse("key_empty", key("", U8, b"\1") + bytes(8), "a key is empty")
    for name, text in {"ff": b"a\xff", "overlong": b"\xc0\xaf", "surrogate": b"\xed\xa0\x80", "cut": b"\xe2\x82",
                       "past_10ffff": b"\xf4\x90\x80\x80", "lone_continuation": b"\x80"}.items():
        refuse(f"key_not_utf8_{name}", key(text, U64, bytes(8)), "is not UTF-8")
    refuse("key_twice", [NAME, NAME], "the key 'general.name' is given twice")
    refuse("key_twice_other_type", [NAME, key("b", U8, b"\1"), key("general.name", U32, U32_7)], "is given twice")
    refuse("key_with_escapes_twice", [key("\x1b[31m", U32, U32_7)] * 2, "the key '\\x1b[31m' is given twice")
    for kind in (13, 255, 2**31, 2**32 - 1):
        refuse(f"value_type_{kind}", key("k", kind, bytes(8)), f"key 'k': value type {kind} is unknown")
        refuse(f"element_type_{kind}", key("k", ARRAY, array(kind, 1, bytes(8))), f"value type {kind} is unknown")
    refuse("bool_2", key("k", BOOL, b"\2"), "a bool is 2; 0 and 1 are allowed")
    refuse("bool_ff_in_array", key("k", ARRAY, array(BOOL, 3, b"\0\1\xff")), "byte 51: key 'k': a bool is 255")
    refuse("array_of_arrays", key("k", ARRAY, array(ARRAY, 1, array(U8, 1, b"\1"))), "an array of arrays", "unsupported")
    refuse("value_missing", key("key", U64, bytes(4)), "a value takes 8 bytes; the file ends after 4")
    refuse("value_half", key("k", F64, bytes(7)), "a value takes 8 bytes; the file ends after 7")
    refuse("string_all_bits", key("k", STRING, struct.pack("<Q", ALL_BITS)), f"a string of {ALL_BITS} bytes")
    refuse("string_past_end", key("k", STRING, struct.pack("<Q", 5) + b"four"), "a string of 5 bytes; 4 are left")
    for count in (4, 2**61, 2**62 + 1, ALL_BITS):  # 2^61 doubles are 2^64 bytes
        refuse(f"array_of_{count:x}_doubles", key("k", ARRAY, array(F64, count, bytes(31))),
               f"an array of {count} elements; the 31 bytes left hold at most 3")
        refuse(f"array_of_{count:x}_strings", key("k", ARRAY, array(STRING, count, bytes(31))),
               f"an array of {count} elements; the 31 bytes left hold at most 3")
    refuse("array_with_long_string", key("k", ARRAY, array(STRING, 2, string("a") + struct.pack("<Q", 1 << 40))),
           "a string of 1099511627776 bytes; 0 are left")
    refuse("array_length_cut", key("key", ARRAY, struct.pack("<IH", U8, 1)), "an array's length takes 8 bytes")
    for value in (0, 3, 24, 33, 2**21, 2**31):
        refuse(f"alignment_{value}", alignment_of(value), f"'general.alignment' is {value}; a power of two")
    refuse("alignment_negative", alignment_of(-32, I32, "<i"), "'general.alignment' is -32; a power of two")
    refuse("alignment_float", alignment_of(32.0, F32, "<f"), "'general.alignment' is no such number")
    refuse("alignment_string", key("general.alignment", STRING, string("32")), "is no such number")


def gguf_tensors():
    def refuse(name, tensors, text, data=FLOATS, verdict="rejected", **more):
        write(f"gguf_{name}.gguf", gguf([NAME], tensors, data, **more), verdict, text)

    refuse("tensor_twice", [tensor(), tensor(offset=32)], "tensor 'a': the name is given twice", FLOATS * 2)
    refuse("tensor_name_not_utf8", [tensor(b"\xff")], "tensor '\\xff': the name is no UTF-8")
    refuse("tensor_name_past_end", [struct.pack("<Q", 1 << 50) + bytes(40)], "a string of 1125899906842624 bytes")
    for axes in (5, 255, 2**32 - 1):
        refuse(f"tensor_axes_{axes}", [tensor(sizes=(1,) * 5, axes=axes)], f"has {axes} axes; at most 4")
    refuse("tensor_size_2_63", [tensor(sizes=(2**63,))], "a size of 9223372036854775808, more than 63 bits")
    refuse("tensor_size_all_bits", [tensor(sizes=(ALL_BITS,))], f"a size of {ALL_BITS}, more than 63 bits")
    refuse("tensor_product_wraps_to_4", [tensor(sizes=(2**32, 2**32, 4))], "is more than 63 bits count")
    refuse("tensor_product_wraps_to_0", [tensor(sizes=(2**32, 2**32))], "is more than 63 bits count")
    refuse("tensor_bytes_wrap", [tensor(sizes=(2**62,))], "shape [4611686018427387904] of F32 is more than")
    refuse("tensor_bytes_huge", [tensor(sizes=(2**60,))], "4611686018427387904 bytes from byte 0 of the data; the file has 32")
    refuse("tensor_blocks_wrap", [tensor(sizes=(2**32, 2**31), kind=2)], "is more than 63 bits count")
    for kind, name, numbers in ((2, "Q4_0", 32), (3, "Q4_1", 32), (8, "Q8_0", 32), (12, "Q4_K", 256), (14, "Q6_K", 256)):
        refuse(f"tensor_row_of_{name}", [tensor(sizes=(numbers // 2, 2), kind=kind)],
               f"rows of {numbers // 2} numbers; {name} holds {numbers} in a block", FLOATS * 40)
    refuse("tensor_scalar_of_Q8_0", [tensor(sizes=(), kind=8)], "rows of 1 numbers; Q8_0 holds 32", FLOATS * 2)
    for kind in (4, 5, 31, 38, 42, 255, 2**32 - 1):
        refuse(f"tensor_type_{kind}", [tensor(kind=kind)], f"tensor 'a': tensor type {kind} is unknown")
    for kind, name in ((9, "Q8_1"), (16, "IQ2_XXS"), (39, "MXFP4")):
        refuse(f"tensor_type_{name}", [tensor(kind=kind)], f"tensor type {name} is not read", verdict="unsupported")
    refuse("tensor_offset_unaligned", [tensor(offset=4)], "offset 4 is no multiple of the alignment 32")
    refuse("tensor_offset_past_end", [tensor(offset=64)], "16 bytes from byte 64 of the data; the file has 32")
    refuse("tensor_offset_all_bits", [tensor(offset=2**64 - 32)], "16 bytes from byte 18446744073709551584 of the data")
    refuse("tensor_offset_2_63", [tensor(offset=2**63)], "16 bytes from byte 9223372036854775808 of the data")
    refuse("tensor_one_byte_short", [tensor(sizes=(8,))], "32 bytes from byte 0 of the data; the file has 31", FLOATS[:31])
    refuse("tensor_without_data", [tensor()], "16 bytes from byte 0 of the data; the file has 0", b"")
    refuse("tensor_empty_past_end", [tensor(sizes=(0,), offset=64)], "0 bytes from byte 64 of the data")
    refuse("tensors_at_one_place", [tensor("a"), tensor("b")], "tensor 'b': begins at byte 0 of the data, within another")
    refuse("tensors_overlap", [tensor("b", (16,), offset=32), tensor("a", (12,))],
           "tensor 'b': begins at byte 32 of the data, within another tensor, which ends at 48", FLOATS * 3)
    refuse("tensor_cut", [tensor()[:-1]], "a tensor's offset takes 8 bytes; the file ends after 7", b"")


def gguf_that_load():
    def load(name, content, text):
        write(f"gguf_{name}.gguf", content, "loads", text)

    load("with_nothing", gguf(), "0 keys")
    load("version_2", gguf([NAME], [tensor()], FLOATS, version=2), "a F32 [4]; 1 keys")
    load("without_tensors", gguf([NAME, key("nobody.knows.this", U32, U32_7)]), "2 keys")
    load("tensors_in_reverse", gguf((), [tensor("second", (2, 3), offset=32), tensor("first", (2, 4))], FLOATS * 2),
         "first F32 [4, 2]; second F32 [3, 2]; 0 keys")
    load("hole_between_tensors", gguf((), [tensor("a"), tensor("b", offset=96)], FLOATS * 4), "a F32 [4]; b F32 [4]; 0 keys")
    load("data_left_over", gguf((), [tensor("a")], FLOATS * 4), "a F32 [4]; 0 keys")
    load("last_padding_missing", gguf((), [tensor("a")], FLOATS[:16]), "a F32 [4]; 0 keys")
    load("tensor_without_numbers", gguf((), [tensor("none", (4, 0)), tensor("a")], FLOATS),
         "none F32 [0, 4]; a F32 [4]; 0 keys")
    load("tensor_of_no_axes", gguf((), [tensor(sizes=())], FLOATS), "a F32 []; 0 keys")
    load("tensor_without_name", gguf((), [tensor("")], FLOATS), " F32 [4]; 0 keys")
    load("tensor_of_4_axes", gguf((), [tensor(sizes=(4, 1, 2, 1))], FLOATS), "a F32 [1, 2, 1, 4]; 0 keys")
    load("names_of_any_utf8", gguf([key("schlüssel 鍵\u202e", U32, U32_7)], [tensor("\x1b[31m\N{MUSICAL SYMBOL G CLEF}")], FLOATS),
         "\\x1b[31m\N{MUSICAL SYMBOL G CLEF} F32 [4]; 1 keys")
    load("string_not_utf8", gguf([key("k", STRING, string(b"\xff\0\xfe"))]), "1 keys")
    for value in (1, 8, 64, 2**20):
        data = FLOATS if value <= 64 else b""
        load(f"alignment_of_{value}", gguf([alignment_of(value)], [tensor()] if data else [], data, alignment=value),
             ("a F32 [4]; " if data else "") + "1 keys")
    load("alignment_as_u64", gguf([alignment_of(64, U64, "<Q")], [tensor()], FLOATS, alignment=64), "a F32 [4]; 1 keys")
    widths = {U8: 1, I8: 1, U16: 2, I16: 2, U32: 4, I32: 4, F32: 4, BOOL: 1, U64: 8, I64: 8, F64: 8}
    numbers = [key(f"n{kind}", kind, b"\1" * width) for kind, width in widths.items()]
    arrays = [key(f"a{kind}", ARRAY, array(kind, 2, b"\1" * 2 * width)) for kind, width in widths.items()]
    empty = [key(f"e{kind}", ARRAY, array(kind, 0)) for kind in (*widths, STRING)]
    texts = [key("s", ARRAY, array(STRING, 3, string("") + string("a") + string("a string that lives on the heap"))),
             key("all bits", U64, b"\xff" * 8)]
    load("every_kind_of_value", gguf(numbers + arrays + empty + texts), f"{len(numbers + arrays + empty + texts)} keys")
    types = [(0, "F32", 4, 16), (1, "F16", 4, 8), (2, "Q4_0", 32, 18), (3, "Q4_1", 32, 20), (6, "Q5_0", 32, 22),
             (7, "Q5_1", 32, 24), (8, "Q8_0", 32, 34), (10, "Q2_K", 256, 84), (11, "Q3_K", 256, 110),
             (12, "Q4_K", 256, 144), (13, "Q5_K", 256, 176), (14, "Q6_K", 256, 210), (15, "Q8_K", 256, 292),
             (24, "I8", 4, 4), (25, "I16", 4, 8), (26, "I32", 4, 16), (27, "I64", 4, 32), (28, "F64", 4, 32), (30, "BF16", 4, 8)]
    described, data, text = [], b"", ""
    for kind, name, count, size in types:
        described.append(tensor(name.lower(), (count,), kind, len(data)))
        data += bytes(i % 120 for i in range(size)) + bytes(-size % 32)
        text += f"{name.lower()} {name} [{count}]; "
    load("every_tensor_type", gguf((), described, data), text + "0 keys")


# Safetensors.

def safetensors(header, data=b"", length=None):
    if not isinstance(header, (str, bytes)):
        header = json.dumps(header)
    header = header.encode() if isinstance(header, str) else header
    return struct.pack("<Q", len(header) if length is None else length) + header + data


def entry(shape=(4,), offsets=(0, 16), dtype="F32"):
    return {"dtype": dtype, "shape": list(shape), "data_offsets": list(offsets)}


def entry_text(shape="[4]", offsets="[0,16]", dtype='"F32"'):
    return f'{{"dtype":{dtype},"shape":{shape},"data_offsets":{offsets}}}'


DATA = FLOATS[:16]


def safetensors_beginnings():
    def refuse(name, content, text):
        write(f"safetensors_{name}.safetensors", content, "rejected", text)

    refuse("nothing", b"", "takes 8 bytes; the file has 0; the file looks like nothing")
    refuse("half_a_length", b"\x10\0\0\0", "takes 8 bytes; the file has 4")
    for length in (0, 100_000_001, 2**63, ALL_BITS):
        refuse(f"length_{length:x}", safetensors("{}", length=length), f"header is {length} bytes long; 2 to 100000000 are allowed")
    refuse("length_past_end", safetensors("{}", length=3), "header is 3 bytes long; the file ends after 2")
    refuse("length_1", safetensors("{", length=1), "byte 9: the text ends within a value")
    refuse("all_zeros", bytes(64), "the file looks like all zeros")


def safetensors_json():
    def refuse(name, header, text, data=b""):
        write(f"safetensors_{name}.safetensors", safetensors(header, data), "rejected", text)

    for name, header in {"array": "[]", "string": '"a"', "space_first": " {}", "byte_order_mark": "\ufeff{}"}.items():
        refuse(f"begins_with_{name}", header, "byte 8: a safetensors header begins with '{'")
    refuse("text_after_object", "{} {}", "byte 11: '{' cannot stand here")
    refuse("nul_after_object", "{}\0", "byte 10: a NUL")
    refuse("object_not_closed", '{"a":1', "byte 14: the text ends within a value")
    refuse("comma_at_end", '{"a":1,}', "cannot stand here")
    refuse("comment", '{/* a */}', "cannot stand here")
    refuse("name_twice", f'{{"a":{entry_text()},"a":{entry_text()}}}', "the name 'a' is given twice", DATA)
    refuse("name_twice_escaped", f'{{"a":{entry_text()},"\\u0061":{entry_text()}}}', "the name 'a' is given twice", DATA)
    refuse("dtype_twice", '{"a":{"dtype":"F32","dtype":"F32","shape":[4],"data_offsets":[0,16]}}', "the name 'dtype' is given twice", DATA)
    refuse("metadata_twice", '{"__metadata__":{"a":"b","a":"c"}}', "the name 'a' is given twice")
    for name, number in {"nan": "NaN", "infinity": "Infinity", "leading_zero": "01", "plus": "+1", "hex": "0x10"}.items():
        refuse(f"shape_{name}", f'{{"a":{entry_text(shape=f"[{number}]")}}}', "cannot stand here", DATA)
    refuse("number_overflows", '{"a":1e999}', "is too large a number")
    refuse("nested_70_deep", '{"a":' + "[" * 70 + "]" * 70 + "}", "is nested more than 64 deep")
    refuse("nested_10000_deep", '{"a":' * 10000, "is nested more than 64 deep")
    for name, text in {"ff": b'{"\xff":1}', "overlong": b'{"\xc0\xaf":1}', "surrogate": b'{"\xed\xa0\x80":1}',
                       "lone_escape": b'{"\\ud800":1}', "control": b'{"\x01":1}'}.items():
        refuse(f"name_not_utf8_{name}", text, "cannot stand here")


def safetensors_entries():
    def refuse(name, header, text, data=DATA, verdict="rejected"):
        write(f"safetensors_{name}.safetensors", safetensors(header, data), verdict, text)

    refuse("entry_null", {"a": None}, "tensor 'a': is null; an object is wanted")
    refuse("entry_number", {"a": 4}, "tensor 'a': is a whole number; an object is wanted")
    for field in ("dtype", "shape", "data_offsets"):
        refuse(f"without_{field}", {"a": {k: v for k, v in entry().items() if k != field}}, f"tensor 'a': has no {field}")
    refuse("dtype_unknown", {"a": entry(dtype="F31")}, "dtype 'F31' is unknown")
    refuse("dtype_lower_case", {"a": entry(dtype="f32")}, "dtype 'f32' is unknown")
    refuse("dtype_number", {"a": entry(dtype=4)}, "dtype is a whole number; a string is wanted")
    refuse("dtype_C64", {"a": entry((2,), dtype="C64")}, "dtype C64 is not read", verdict="unsupported")
    refuse("shape_number", f'{{"a":{entry_text(shape="4")}}}', "shape is a whole number; an array")
    for name, value, kind in (("negative", "[-4]", "a negative number"), ("minus_0", "[-0]", "a negative number"),
                              ("float", "[4.0]", "a number with a fraction"), ("exponent", "[4e0]", "a number with a fraction"),
                              ("string", '["4"]', "a string"), ("true", "[true]", "true or false"), ("null", "[null]", "null"),
                              ("2_64", "[18446744073709551616]", "a number with a fraction")):
        refuse(f"shape_of_{name}", f'{{"a":{entry_text(shape=value)}}}', f"tensor 'a': shape holds {kind}")
    refuse("shape_2_63", {"a": entry((2**63,))}, "shape holds 9223372036854775808, more than 63 bits")
    refuse("shape_of_9_axes", {"a": entry((1,) * 9, (0, 4))}, "has 9 axes; at most 8", FLOATS[:4])
    refuse("product_wraps_to_4", {"a": entry((2**32, 2**32, 4))}, "is more bytes than 63 bits count")
    refuse("product_wraps_to_0", {"a": entry((2**32, 2**32), (0, 0))}, "is more bytes than 63 bits count", b"")
    refuse("bytes_wrap", {"a": entry((2**62 + 4,))}, "is more bytes than 63 bits count")
    for name, value in (("three", "[0,16,16]"), ("one", "[16]"), ("object", "{}"), ("number", "16")):
        refuse(f"offsets_{name}", f'{{"a":{entry_text(offsets=value)}}}', "data_offsets is no array of two numbers")
    for name, value, kind in (("negative", "[-16,0]", "a negative number"), ("float", "[0,16.0]", "a number with a fraction"),
                              ("string", '["0",16]', "a string")):
        refuse(f"offsets_{name}", f'{{"a":{entry_text(offsets=value)}}}', f"data_offsets holds {kind}")
    refuse("offsets_2_63", {"a": entry(offsets=(0, 2**63))}, "data_offsets holds 9223372036854775808, more than 63 bits")
    refuse("offsets_back", {"a": entry(offsets=(16, 0))}, "data_offsets go back, from 16 to 0")
    refuse("offsets_past_end", {"a": entry((8,), (0, 32))}, "ends at byte 32 of the data; the file has 16")
    refuse("too_few_bytes", {"a": entry((4,), (0, 12))}, "shape [4] of F32 takes 16 bytes; data_offsets [0, 12] give it 12", FLOATS[:12])
    refuse("too_many_bytes", {"a": entry((3,))}, "shape [3] of F32 takes 12 bytes; data_offsets [0, 16] give it 16")
    refuse("overlap", {"a": entry(), "b": entry(offsets=(8, 24))}, "tensor 'b': begins at byte 8 of the data, within another", FLOATS[:24])
    refuse("same_place", {"a": entry(), "b": entry()}, "tensor 'b': begins at byte 0 of the data, within another")
    refuse("empty_within_another", {"a": entry(), "b": entry((0,), (8, 8))}, "tensor 'b': begins at byte 8 of the data, within")
    refuse("hole", {"a": entry(), "b": entry((2,), (24, 32))}, "bytes 16 to 24 before it belong to no tensor", FLOATS)
    refuse("hole_at_begin", {"a": entry(offsets=(16, 32))}, "bytes 0 to 16 before it belong to no tensor", FLOATS)
    refuse("data_left_over", {"a": entry()}, "the tensors end at byte 16 of the data; the file has 17", DATA + b"\0")
    refuse("data_without_tensors", "{}", "the tensors end at byte 0 of the data; the file has 16")
    for name, value, kind in (("array", [], "an array"), ("null", None, "null")):
        refuse(f"metadata_{name}", {"__metadata__": value}, f"__metadata__ is {kind}; an object is wanted", b"")
    for name, value, kind in (("number", 1, "a whole number"), ("object", {}, "an object"), ("null", None, "null")):
        refuse(f"metadata_of_{name}", {"__metadata__": {"k": value}}, f"__metadata__: 'k' is {kind}; a string is wanted", b"")
    refuse("name_with_escapes", {"\x1b[31m\u202e": None}, "tensor '\\x1b[31m\\u{202e}': is null")


def safetensors_that_load():
    def load(name, content, text):
        write(f"safetensors_{name}.safetensors", content, "loads", text)

    load("with_nothing", safetensors("{}"), "0 keys")
    load("of_metadata_alone", safetensors({"__metadata__": {"format": "pt", "": "x"}}), "2 keys")
    load("padded", safetensors('{"a":' + entry_text() + "}      ", DATA), "a F32 [4]; 0 keys")
    load("spaces_within", safetensors('{ "a" :\n\t' + entry_text() + "\r\n}", DATA), "a F32 [4]; 0 keys")
    load("entries_in_reverse", safetensors({"second": entry((2,), (16, 24)), "first": entry((2, 2))}, FLOATS[:24]),
         "first F32 [2, 2]; second F32 [2]; 0 keys")
    load("without_numbers", safetensors({"a": entry((4, 0), (0, 0)), "b": entry(), "c": entry((0,), (16, 16))}, DATA),
         "a F32 [4, 0]; b F32 [4]; c F32 [0]; 0 keys")
    load("scalar", safetensors({"a": entry((), (0, 4))}, FLOATS[:4]), "a F32 []; 0 keys")
    load("of_8_axes", safetensors({"a": entry((1,) * 8, (0, 4))}, FLOATS[:4]), f"a F32 [{', '.join('1' * 8)}]; 0 keys")
    load("names_of_any_utf8", safetensors({"": entry((1,), (0, 4)), "\x1b[31m\N{MUSICAL SYMBOL G CLEF}\0": entry((1,), (4, 8))}, FLOATS[:8]),
         " F32 [1]; \\x1b[31m\N{MUSICAL SYMBOL G CLEF}\\x00 F32 [1]; 0 keys")
    load("length_like_a_pickle", safetensors(('{"a":' + entry_text() + "}").ljust(0x280), DATA), "a F32 [4]; 0 keys")
    sizes = {"BOOL": 1, "U8": 1, "I8": 1, "F8_E5M2": 1, "F8_E4M3": 1, "I16": 2, "U16": 2, "F16": 2, "BF16": 2, "I32": 4,
             "U32": 4, "F32": 4, "F64": 8, "I64": 8, "U64": 8}
    header, data, text = {}, b"", ""
    for dtype, size in sizes.items():
        header[dtype.lower()] = entry((2,), (len(data), len(data) + 2 * size), dtype)
        data += b"\1" * 2 * size
        text += f"{dtype.lower()} {dtype} [2]; "
    load("every_dtype", safetensors(header, data), text + "0 keys")


def other_formats():
    """The wrong format under the right name."""
    page = b"<!DOCTYPE html>\n<html><head><title>404 Not Found</title></head><body>Not Found</body></html>\n"
    pointer = (b"version https://git-lfs.github.com/spec/v1\n"
               b"oid sha256:4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393\nsize 98362432\n")
    contents = {
        "npy": (b"\x93NUMPY\1\0\x76\0" + b"{'descr': '<f4', 'fortran_order': False, 'shape': (4,), }".ljust(117) + b"\n" + DATA,
                "a .npy array"),
        "zip": (b"PK\3\4" + bytes(60), "a zip archive"),
        "html_page": (page, "an HTML page"),
        "git_lfs_pointer": (pointer, "a git-lfs pointer"),
        "pickle": (b"\x80\2}q\0." + bytes(20), "a Python pickle"),
        "json": (b'{"model_type": "llama", "hidden_size": 576}', "JSON text"),
        "xml": (b"<?xml version='1.0'?><Error><Code>AccessDenied</Code></Error>", "an XML document"),
        "gzip": (b"\x1f\x8b\x08" + b"\xff" * 30, "gzip-compressed data"),
        "text": (b"Entry not found\n", "text"),
        "zeros": (bytes(4096), "all zeros"),
    }
    for name, (content, text) in contents.items():
        for extension in ("gguf", "safetensors"):
            write(f"{name}_as.{extension}", content, "rejected", f"looks like {text}")
    write("safetensors_as.gguf", safetensors({"a": entry()}, DATA), "rejected", "looks like a safetensors file")
    write("gguf_as.safetensors", gguf([NAME], [tensor()], FLOATS), "rejected", "looks like a GGUF model")


def main():
    FOLDER.mkdir(parents=True, exist_ok=True)
    for old in FOLDER.glob("*.*"):
        if old.suffix in (".gguf", ".safetensors"):
            old.unlink()
    for make in (gguf_beginnings, gguf_keys, gguf_tensors, gguf_that_load, safetensors_beginnings, safetensors_json,
                 safetensors_entries, safetensors_that_load, other_formats):
        make()
    lines = ["\t".join(row) + "\n" for row in expected]
    (FOLDER / "expected.tsv").write_text("file\tverdict\ttext\n" + "".join(lines))


if __name__ == "__main__":
    main()
