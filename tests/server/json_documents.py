"""JSON documents, right and wrong, by what they try: the categories of the public test suite.

Written out anew from RFC 8259: arrays, numbers, objects, strings, structure. What is right for
the RFC and refused all the same (a key twice, numbers and nesting without end) is in ``BEYOND``.
"""

from __future__ import annotations

_ARRAYS = (
    "[]", "[[]]", '[""]', "[1]", "[false]", "[1,null,true]", "[ 4]", "[1\n]", ' [1]', "[2] ",
    "[1,null,null,null,2]", "[[]   ]", '["a"]', "[null, 1, \"1\", {}]", "\t[\r\n1\t,\r2\n]\t",
)  # fmt: skip
_NUMBERS = (
    "123", "0", "-0", "-1", "-123", "0e+1", "0e1", "0E1", "0E+2", "1E22", "1E-2", "1E+2", "123e45",
    "1e-2", "1e+2", "123.456e78", "123.456789", "-0.000000000000000000000000000000000000001",
    "1.5", "-1.5e-7", "20e1", "1.0", "0.1", "0.0", "9007199254740993", "-9223372036854775808",
)  # fmt: skip
_OBJECTS = (
    "{}", '{"a":"b"}', '{"":0}', '{"a":[]}', '{"a":"b", "c":"d"}', '{"foo\\u0000bar": 42}',
    '{ "min": -1.0e+28, "max": 1.0e+28 }', '{"a":{"a":{"a":1}}}', '{"title":"\\u041f\\u043e"}',
    '{\n"a": "b"\n}', '{"a b":null}', '{"x":[{"id": "x"}]}',
)  # fmt: skip
_STRINGS = (
    '"\\u0060\\u012a\\u12AB"', '"\\uD801\\udc37"', '"\\ud83d\\ude39\\ud83d\\udc8d"',
    '"\\"\\\\\\/\\b\\f\\n\\r\\t"', '"\\\\u0000"', '"\\""', '"a/*b*/c/*d//e"', '"\\\\a"', '"\\\\n"',
    '"\\u0012"', '"\\uFFFF"', '"asd"', '"\\uDBFF\\uDFFF"', '"new\\u00A0line"', '"\U0010ffff"',
    '"\uffff"', '"\\u0000"', '"\\u002c"', '"\u03c0"', '"\U0001bfff"', '" "', '"\\uD834\\uDd1e"',
    '"\\u0821"', '"\\u0123"', '"\u2028"', '"\u2029"', '"\\u0061\\u30af\\u30EA\\u30b9"',
    '"new\\u000Aline"', '"\x7f"', '"\\uA66D"', '"\\u005C"', '"\u2342\u3230\u2342"', '"\\u200B"',
    '"\\u2064"', '"\\uFDD0"', '"\\uFFFE"', '"\\u0022"', '"a\x7fa"', '"\u20ac\U0001d11e"', '""',
)  # fmt: skip
_STRUCTURE = ("false", "42", "-0.1", "null", '"text"', "true", " [] ", '["a"]\n', "\n\n{}\n")

RIGHT = tuple(dict.fromkeys((*_ARRAYS, *_NUMBERS, *_OBJECTS, *_STRINGS, *_STRUCTURE)))
"""Documents that every reader takes, and takes alike."""

_NO_ARRAYS = (
    "[1 true]", '["": 1]', '[""],', "[,1]", "[1,,2]", '["x",,]', '["x"]]', '["",]', '["x"', "[x",
    "[3[4]]", "[1:2]", "[,]", "[-]", "[   , \"\"]", '["a",\n4\n,1,', "[1,]", "[1,,]", '["\va"\\f]',
    "[*]", '[""', "[1,", "[1,\n1\n,1", "[{}", "[\u20ac]", "[a", "[1}", "]", "[][]", "[1],",
)  # fmt: skip
_NO_NUMBERS = (
    "-", "[-", "++1234", "+1", "+Inf", "-01", "-1.0.", "-2.", "-NaN", ".-1", ".2e-3", "0.1.2",
    "0.3e+", "0.3e", "0.e1", "0E", "0E+", "0e", "0e+", "1.0e+", "1.0e-", "1.0e", "1 000.0", "1eE2",
    "2.e+3", "2.e-3", "2.e3", "9.e+", "Inf", "NaN", "Infinity", "-Infinity", "nan", "infinity",
    "\uff11", "1+2", "0x1", "0x42", "0e+-1", "-foo", "- 1", "-012", "-.123", "-1x", "1ea", "1.",
    ".123", "1.2a-3", "1.8011670033376514H-308", "012", "1_000", "1.e1", "0b1", "0o7", "1e", "00",
    "-00", "1,000", "\u0661", "1f", "1d", "1L", "+0", ".", "e1", "--1", "1 2",
)  # fmt: skip
_NO_OBJECTS = (
    '["x", truth]', '{[: "x"}\n', '{"x", null}', '{"x"::"b"}', '{\U0001f1e8}', '{"a":"a" 123}',
    "{key: 'value'}", '{"a" b}', '{:"b"}', '{"a" "b"}', '{"a":', '{"a"', "{1:1}",
    "{9999E9999:1}", "{null:null,null:null}", '{"id":0,,,,,}', "{'a':0}", '{"id":0,}',
    '{"a":"b"}/**/', '{"a":"b"}/**//', '{"a":"b"}//', '{"a":"b"}/', '{"a":"b",,"c":"d"}',
    "{a: \"b\"}", '{"a":"a', '{ "foo" : "bar", "a" }', '{"a":"b"}#', "{", "{,", '{"a":1', '{"a":1]',
    '{"a"}', "{}}", '{"a":}', '{"a":,"b":1}', '{"a":"b"} {}', "{,}", '{"a" : "b" "c"}', "{true:1}",
    '{"a":b}', '{"":', '{"a":"b"},', '{"a"=1}', '{"a";1}', "{''}", '{""}',
)  # fmt: skip
_NO_STRINGS = (
    '"\\uD800\\', '"\\u', '"\\u1', '"\\u1x', '"\\u00A', '"\\uD834\\uDd', '"\\uD800\\uD800\\x"',
    '"\\\x00"', '"\\x00"', '"\\\\\\"', '"\\\t"', '"\\\U0001f300"', '"\\', '"\\a"', '"\\uqqqq"',
    "[\\n]", '"\\UA66D"', "\u00e9", "'single quote'", "abc", '"a\x00a"', '"new\nline"',
    '"\t"', '"', '"\\0"', '"\\e"', '"\\ "', '"\\\n"', '"\\N"', '"\\v"', "\u201ca\u201d", '"\\\'"',
    '"a', 'a"', '"\x1f"', '"\x0b"', '"\r"', "'", '"\\u{41}"', '"\\u 041"', '"\\u+041"', '"\\u-041"',
    '"\\u0x41"', '"\\u004\u0661"', '"\\u_041"', '"" ""',
)  # fmt: skip
_NO_STRUCTURE = (
    "", " ", "<.>", "[<null>]", "[1]x", "[1]]", '["asd]', 'a\u00e5', "[True]", "1]", '{"x": true,',
    "[][]", "]", "\u2060", '{"":', '{"a":/*comment*/"b"}', '{"a": true} "x"', "['", "[,", "[{",
    '["a', '["a"', "{", "{]", "{,", "{[", '{"a', "{'a'", "[\"\\{[\"\\{[\"\\{[\"\\{", "\u00e9", "*",
    '{"a":"b"}#{}', "[\\u000A\"\"]", "[1", "[ false, nul", "[ true, fals", "[ false, tru",
    '{"asd":"asd"', "[\x0c]", "[\u2060]", "\ufeff", "nul", "tru", "fals", "nulll", "TRUE", "None",
    "undefined", "// []", "/* */ []", "#\n[]", "[]\x00", "\x00", "\xa0[]", "[]\u2003", "--\n[]",
    "<a/>", "a: 1", "[1]\x1a", "()", "{}[]", "1 1", "true false", "nullnull", '"a""b"',
)  # fmt: skip

WRONG = tuple(
    dict.fromkeys((*_NO_ARRAYS, *_NO_NUMBERS, *_NO_OBJECTS, *_NO_STRINGS, *_NO_STRUCTURE))
)
"""Documents that no reader may take."""

WRONG_BYTES = (
    b"\xff", b'"\xe5"', b'["\xff"]', b'["\xe0\xff"]', b"[\xe5]", b'"\xed\xa0\x80"', b'"\x81"',
    b'"\xfc\x80\x80\x80\x80\x80"', b'"\xc0\xaf"', b'"\xf4\xbf\xbf\xbf"', b'"\xf8\x88\x80\x80\x80"',
    b"\xef\xbb\xbf{}", b"\xef\xbb", b"\xef\xbb\xbf", "[1]".encode("utf-16"), b'{"\xb9":"0",}',
    "[1]".encode("utf-16-le"), "[1]".encode("utf-32"), b"[\x00]", b"0\xe5", b"1e1\xe5", b"-123\xff",
    b'{"a":"b\xff"}', b'"\xe6"', b'"\xc3"', b'"\xc3\x28"',
)  # fmt: skip
"""Wrong in the bytes already: no UTF-8, or a mark before it."""

BEYOND = (
    '{"a":"b","a":"c"}', '{"a":"b","a":"b"}', '{"a":1,"\\u0061":2}', '[{"b":{"c":1,"c":2}}]',
    "1e309", "-1e309", "[123.456e789]", "[0.4e00669999999999999999999999999999999999999999999]",
    "9" * 5_000, "-" + "9" * 5_000, "[" * 500 + "]" * 500, "[" * 100_000, '[{"":' * 50_000,
    '{"a":' * 200 + "1" + "}" * 200,
)  # fmt: skip
"""Right or undecided for the RFC, and refused: readers differ about them, or never end."""
