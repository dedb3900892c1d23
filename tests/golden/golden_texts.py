"""The texts of the tokenizer and embedding goldens: sentences in many scripts, edge cases, and seeded mixtures.

An entry is {"name": …} with one of
  "text":   the text,
  "repeat": [piece, times] for a long one,
  "hex":    bytes that are not valid UTF-8.
"""

import random

SENTENCES = """\
The quick brown fox jumps over the lazy dog.
Vacuum rebuilds the database file, packing it into a minimal amount of disk space.
Don't you think it's strange that they're late? I'd've called; we'll see.
HELLO WORLD, THIS IS SHOUTED; I'LL SAY IT'S LOUD AND THEY'VE HEARD.
A tokenizer maps text to integers, e.g. 3.14159, 1,000,000 or 0xDEADBEEF.
Unbelievably, antidisestablishmentarianism has twenty-eight letters.
The pneumonoultramicroscopicsilicovolcanoconiosis patient recovered.
Email me at first.last+tag@example.org or see https://example.org/a/b?c=d&e=f#g.
for (int i = 0; i < n; ++i) { sum += a[i] * b[i]; }  // dot product
def f(x: int) -> str:\\n    return f"{x!r:>10}"  # comment
SELECT name, COUNT(*) FROM users WHERE age >= 18 GROUP BY name HAVING COUNT(*) > 1;
<html><body class="main">Text &amp; more &lt;tags&gt;</body></html>
{"key": [1, 2.5, -3e10, true, null], "nested": {"a": "b\\\\n"}}
C:\\\\Users\\\\name\\\\Documents\\\\file.txt and /usr/local/lib/libfoo.so.1.2.3
E = mc², ∫₀^∞ e^{−x²} dx = √π/2, ∀x∈ℝ: x² ≥ 0
½ + ⅓ = ⅚; Ⅳ is four; ①②③; 10⁻⁹ m; 25 °C; 100 Å; 5 Ω; 300 K
“Curly quotes”, ‘single ones’, «guillemets», „low quotes“, ‹angles›
Em—dash, en–dash, hyphen‐minus, soft\u00adhyphen, figure‒dash, ellipsis…
naïve café résumé coöperate façade über Ångström São Tomé Dvořák
cafe\u0301 nai\u0308ve re\u0301sume\u0301 A\u030angstro\u0308m
Falsches Üben von Xylophonmusik quält jeden größeren Zwerg.
Straße, Maß, GROẞ, Fuß; Äpfel, Öl, Übermut
Portez ce vieux whisky au juge blond qui fume, là-bas, où l’œuvre naît.
El pingüino Wenceslao hizo kilómetros bajo exhaustiva lluvia y frío; ¿verdad? ¡Sí!
Luís argüia à Júlia que «brações, fé, chá, óxido, pôr, zângão» eram palavras.
Pchnąć w tę łódź jeża lub ośm skrzyń fig.
Příliš žluťoučký kůň úpěl ďábelské ódy.
Árvíztűrő tükörfúrógép.
Flygande bäckasiner söka hwila på mjuka tuvor.
Høj bly gom vandt fræk sexquiz på wc.
Kæmi ný öxi hér, ykist þjófum nú bæði víl og ádrepa.
Pijamalı hasta yağız şoföre çabucak güvendi. İSTANBUL'da ılık ILIK
Tiếng Việt có nhiều dấu: ế, ộ, ữ, ạ, ằng, nghiêng.
Įlinkdama fechtuotojo špaga sublykčiojusi pragręžė apvalų arbūzą.
Kŕdeľ šťastných ďatľov učí pri ústí Váhu mĺkveho koňa.
Съешь же ещё этих мягких французских булок, да выпей чаю.
Чуєш їх, доцю, га? Кумедна ж ти, прощайся без ґольфів!
Ѳеодоръ пріѣхалъ въ Москву; е\u0308жик и и\u0306од
Η γρήγορη αλεπού πηδά πάνω από το τεμπέλικο σκυλί. ΣΊΣΥΦΟΣ, Ὀδυσσεὺς
ᾳ ῃ ῳ ᾶ ῆ ῶ Ἀχιλλεύς ΐ ΰ ᾍ
שלום עולם! בְּרֵאשִׁית בָּרָא אֱלֹהִים
مرحبا بالعالم، كيف حالك؟ السَّلَامُ عَلَيْكُمْ
این یک متن فارسی است؛ می‌خواهم نیم‌فاصله.
یہ اردو ہے۔ کیا حال ہے؟
नमस्ते दुनिया, यह एक परीक्षण है। क्षत्रिय ज़रूर
বাংলা ভাষায় একটি বাক্য। কো পো
ਪੰਜਾਬੀ ਵਿੱਚ ਇੱਕ ਵਾਕ।
ગુજરાતીમાં એક વાક્ય.
தமிழில் ஒரு வாக்கியம். கொள்கை
తెలుగులో ఒక వాక్యం.
ಕನ್ನಡದಲ್ಲಿ ಒಂದು ವಾಕ್ಯ.
മലയാളത്തിൽ ഒരു വാക്യം.
සිංහල වාක්‍යයක්.
ภาษาไทยไม่มีช่องว่างระหว่างคำ กำลังทดสอบ
ພາສາລາວ ບໍ່ມີຍະຫວ່າງ
မြန်မာစာ စမ်းသပ်မှု။
ភាសាខ្មែរ សាកល្បង។
བོད་སྐད་ཀྱི་ཚིག་གྲུབ།
ქართული ენა. ᲥᲐᲠᲗᲣᲚᲘ
Հայերեն նախադասություն։ ՀԱՅԵՐԵՆ
አማርኛ ዓረፍተ ነገር።
한국어 문장을 토큰으로 나눕니다. 값어치 뷁
\u1112\u1161\u11ab\u1100\u1173\u11af decomposed 한글
日本語の文章をトークンに分割します。カタカナ、ひらがな、ガギグゲゴ
ｶﾞｷﾞｸﾞ ﾊﾟﾋﾟﾌﾟ ｆｕｌｌｗｉｄｔｈ ＡＢＣ１２３
中文分词是自然语言处理的基础。繁體中文也一樣！
混合text中文and日本語mixed한국어together
𠜎𠜱𠝹 𪚥 𫝀 㐀㐁 豈更車 丽丸乁
ᏣᎳᎩ ᎦᏬᏂᎯᏍᏗ ꭰꭱ
ᐃᓄᒃᑎᑐᑦ ᓄᓇᕗᑦ
ᠮᠣᠩᠭᠣᠯ ᠪᠢᠴᠢᠭ
ⴰⵣⵓⵍ ⴰⵎⴰⴹⴰⵍ
ߒߞߏ ߞߊ߲
𐌲𐌿𐍄𐌹𐍃𐌺 𐐔𐐯𐑅𐐨𐑉𐐯𐐻 𐓏𐓘𐓻𐓘𐓻𐓟
𝔘𝔫𝔦𝔠𝔬𝔡𝔢 𝒮𝒸𝓇𝒾𝓅𝓉 𝐁𝐨𝐥𝐝 𝟘𝟙𝟚
ﬁne ﬂow oﬃce ﬅ ﷺ ﷽
👋🌍 Hello 🌎! 😀😃😄 🤷🏽‍♀️ 👨‍👩‍👧‍👦 🏳️‍🌈
🇩🇪🇫🇷🇯🇵 1️⃣2️⃣ ©️ ®️ ™️ ❤️‍🔥
♠♣♥♦ ☀☁☂ ✓✔✗✘ ★☆ → ← ↔ ⇒ ∑∏√∞ ≤≥≠≈
┌─┬─┐ │ │ │ └─┴─┘ ░▒▓█ ▲▼◆
₿ € £ ¥ ₹ ₽ ₩ ¢ $100 ¤
[CLS] and [SEP] and [MASK] and [PAD] and [UNK] inside
[SEP][SEP]x[MASK]y[CLS
[sep] [Sep] [ SEP ] [SEP]ing un[MASK]ed
<|im_start|>system\\nYou are helpful.<|im_end|>
<|endoftext|><repo_name>a<file_sep>b<|im_end|
##ing ## # ### a##b
under_score CamelCase snake_case kebab-case dot.case x1y2z3
1 12 123 1234 12345 123456789012345678901234567890
٠١٢٣٤٥٦٧٨٩ ०१२३ ๐๑๒๓ １２３
3.40.1, v2.0.0-rc.1+build.5, 10:30, 2024-02-29T23:59:60Z
'tis the season; rock 'n' roll; the '90s; o'clock; y'all'd've
'S 'T 'RE 'VE 'M 'LL 'D 's't're've'm'll'd ''s ' s
a.b.c...d....e!?!? ??? !!! ;;; ,,, --- ___ *** ~~~
tab\\there  two   three    four\\n\\n\\nlines\\r\\nCRLF\\rCR
 leading and trailing spaces   
\\n\\n  \\n indented\\n\\ttabbed\\n    four\\n
nbsp\u00a0thin\u2009em\u2003ideographic\u3000line\u2028para\u2029nel\u0085ogham\u1680mvs\u180e
zero\u200bwidth\u200cnon\u200djoin\u2060word\ufeffbom
\u200ertl \u202eoverride\u202c \u2066isolate\u2069
\ufeffstarts with a byte order mark
\u0000null \u0001one \u0007bell \u0008bs \u000bvt \u000cff \u001besc \u007fdel \u0080pad \u009fapc
\ufffd replacement \ufffe\uffff noncharacter \ue000 private \U000f0000 \U0010ffff
Z̴̢̛͓a̷̢l̸̨̛g̵̡̛o̶̢ t̵̨̛e̴̢x̷̡t̸
a\u0323\u0307 a\u0307\u0323 q\u0307\u0323\u0328 \u0344 \u0340\u0341 \u0374 \u037e
\u0301leading mark, lone \u20dd enclosing a\u20dd
\u302e\u302f\u0301 \u3099\u309a か\u3099 \U0001d165\U0001d16e \U0001d15e
\u0915\u093c \u0958 \u09dc \u0dda \u0f73\u0f75\u0f81 \u1026
x\u034fy (CGJ) \u17b4\u17b5 \u115f\u1160 \u3164 \uffa0
ﬀ\u0301 ŉ ǰ ΐ և ẖ ẞ ſ K Å µ
""".splitlines()

RANGES = [(0x20, 0x7F), (0xA0, 0x180), (0x180, 0x250), (0x250, 0x300), (0x300, 0x370), (0x370, 0x400), (0x400, 0x530),
          (0x530, 0x600), (0x600, 0x700), (0x700, 0x900), (0x900, 0xE00), (0xE00, 0x1100), (0x1100, 0x1200),
          (0x1200, 0x1400), (0x1400, 0x1800), (0x1800, 0x1E00), (0x1E00, 0x2000), (0x2000, 0x2070), (0x2070, 0x2200),
          (0x2200, 0x2600), (0x2600, 0x2C00), (0x2C00, 0x3000), (0x3000, 0x3400), (0x4E00, 0x5000), (0x9F00, 0xA000),
          (0xA000, 0xAC00), (0xAC00, 0xD7A4), (0xF900, 0xFB00), (0xFB00, 0x10000), (0x10000, 0x11000),
          (0x11000, 0x12000), (0x16000, 0x17000), (0x1D000, 0x1E000), (0x1E000, 0x1F000), (0x1F000, 0x1FB00),
          (0x20000, 0x20100), (0x2F800, 0x2FA20), (0xE0000, 0xE0200)]
WORDS = ("the of and to in is that for with index query database table attention encoder passage retrieval "
         "don't it's [SEP] [MASK] <|im_end|> ing tion pre un 3.5 42 2024 ... -- \n \t").split(" ")


def character(rng, ranges):
    first, end = rng.choice(ranges)
    return chr(rng.randrange(first, end))


def mixtures(rng):
    for first, end in RANGES:  # One script, in words.
        for _ in range(2):
            words = ["".join(chr(rng.randrange(first, end)) for _ in range(rng.randrange(1, 9))) for _ in range(8)]
            yield f"range-{first:x}", " ".join(words)
    for _ in range(60):  # English words with characters of anywhere between and inside them.
        parts = [rng.choice(WORDS) if rng.random() < 0.6 else character(rng, RANGES) for _ in range(rng.randrange(4, 40))]
        yield "mixture", rng.choice(["", " "]).join(parts)
    marks = [(0x300, 0x370), (0x483, 0x488), (0x591, 0x5BE), (0x64B, 0x660), (0x1DC0, 0x1E00), (0x20D0, 0x20F1),
             (0x302A, 0x3030), (0x1D165, 0x1D16A)]
    for _ in range(30):  # Combining marks out of canonical order.
        yield "marks", "".join(rng.choice("aeiouAEIOU \u1100\u0915") if rng.random() < 0.3 else character(rng, marks)
                               for _ in range(rng.randrange(3, 30)))


def texts():
    rng = random.Random(20240229)
    entries = [{"name": "empty", "text": ""}, {"name": "space", "text": " "}, {"name": "newline", "text": "\n"}]
    entries += [{"name": f"sentence-{i}", "text": s.replace("\\n", "\n").replace("\\r", "\r").replace("\\t", "\t")}
                for i, s in enumerate(SENTENCES)]
    entries += [{"name": name, "text": text} for name, text in mixtures(rng)]
    for length in (99, 100, 101):
        entries.append({"name": f"word-{length}", "repeat": ["z", length]})
        entries.append({"name": f"accents-{length}", "repeat": ["e\u0301", length]})
    for piece, times in [("a", 10000), ("ab", 5000), ("hello", 2000), ("中", 10000), ("\u0301", 10000), (" ", 10000),
                         (".", 10000), ("9", 10000), ("é", 10000), ("😀", 2500), ("\u0323\u0301\u302e", 3000),
                         ("a\u00ad", 5000), ("[SEP]", 500), ("\r\n", 5000), ("\x00", 1000), ("가", 3000),
                         ("don't ", 1500), ("x\u200b", 5000), ("_a1", 3000), ("'s", 4000)]:
        entries.append({"name": "long", "repeat": [piece, times]})
    for raw in [b"\xff", b"\x80abc", b"abc\xfe", b"a\x80\x80b", b"caf\xe9 au lait", b"\xff\xfea\x00b\x00",
                b"\xe9t\xe9 \xe0 la plage", b"x\x99\x92y\x93z\x94"]:
        entries.append({"name": "invalid", "hex": raw.hex()})
    return entries


def expand(entry):
    if "hex" in entry:
        return bytes.fromhex(entry["hex"])
    piece, times = entry.get("repeat", [entry.get("text", ""), 1])
    return (piece * times).encode()
