package http

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/htmlindex"
	"golang.org/x/text/encoding/ianaindex"
	"golang.org/x/text/encoding/japanese"
	"golang.org/x/text/encoding/unicode"
)

// decodeText reads a body as text, as Python's requests does: by the charset that is named
// (the option, which may be empty, before the Content-Type header), where bytes that mean
// nothing become U+FFFD, which replaced counts; else as UTF-8, and text/… that is no UTF-8 as
// ISO-8859-1. What requests would guess is an error.
//
// Charsets are those of the Encoding Standard, which browsers follow, with the symbols that
// Python reads otherwise as Python does; only the rows C6 and C7 of Big5 stay the standard's.
func decodeText(body []byte, contentType, option string) (text string, replaced int, err error) {
	name := strings.TrimSpace(option)
	if name == "" {
		name = charsetOf(contentType)
	}
	enc, symbols := encodingOf(name)
	switch {
	case enc != nil:
		return decodeWith(enc, symbols, body)
	case option != "":
		return "", 0, fmt.Errorf("the option encoding names the unknown charset %q", option)
	case utf8.Valid(body):
		return string(body), 0, nil
	case name != "":
		return "", 0, fmt.Errorf("the response is in the charset %q, which is unknown here: name a known one in extra_options: {encoding: …}", name)
	case strings.HasPrefix(strings.ToLower(strings.TrimSpace(contentType)), "text/"):
		return decodeWith(charmap.ISO8859_1, nil, body)
	default:
		return "", 0, fmt.Errorf("the response (%s) is not UTF-8 and names no charset: name it in extra_options, as in {encoding: gb18030}; "+
			"iso-8859-1 takes any bytes", orNone(contentType))
	}
}

func orNone(contentType string) string {
	if contentType == "" {
		return "without a Content-Type"
	}
	return contentType
}

// charsetOf finds the charset in a Content-Type header, however it is quoted.
func charsetOf(contentType string) string {
	_, rest, _ := strings.Cut(contentType, ";")
	for param := range strings.SplitSeq(rest, ";") {
		name, value, _ := strings.Cut(param, "=")
		if strings.EqualFold(strings.Trim(name, "\"' \t"), "charset") {
			return strings.Trim(value, "\"' \t")
		}
	}
	return ""
}

// pythonSymbols are the characters that Python's codecs give where the Encoding Standard has
// the ones beside them.
var pythonSymbols = map[string]*strings.Replacer{
	"shift_jis": japaneseSymbols,
	"sjis":      japaneseSymbols,
	"euc-jp":    japaneseSymbols,
	"gb2312":    strings.NewReplacer("·", "・", "—", "―"),
	"big5": strings.NewReplacer("‧", "•", "﹑", "､", "¯", "‾", "～", "∼", "⊕", "♁", "⊙", "☉",
		"∕", "／", "﹨", "＼", "￥", "¥", "￠", "¢", "￡", "£"),
}

var japaneseSymbols = strings.NewReplacer("～", "〜", "∥", "‖", "－", "−", "￠", "¢", "￡", "£", "￢", "¬")

// encodingOf looks a charset up, by its registered names first, because those of the
// Encoding Standard take a few to mean a larger set. It is nil for an unknown one.
func encodingOf(name string) (encoding.Encoding, *strings.Replacer) {
	switch lower := strings.ReplaceAll(strings.ToLower(name), "_", "-"); lower {
	case "utf8", "utf-8":
		return unicode.UTF8, nil
	case "latin-1", "iso8859-1": // as Python knows it
		return charmap.ISO8859_1, nil
	case "shift-jis":
		name = "shift_jis"
	case "cp932", "ms932", "windows-31j":
		return japanese.ShiftJIS, nil
	default:
		name = lower
	}
	enc, err := ianaindex.IANA.Encoding(name)
	if err != nil || enc == nil {
		if enc, err = htmlindex.Get(name); err != nil {
			return nil, nil
		}
	}
	return enc, pythonSymbols[name]
}

// decodeWith decodes, and counts what means nothing there.
func decodeWith(enc encoding.Encoding, symbols *strings.Replacer, body []byte) (text string, replaced int, err error) {
	decoded, err := enc.NewDecoder().Bytes(body)
	if err != nil {
		return "", 0, err
	}
	text = string(decoded)
	if replaced = strings.Count(text, "\uFFFD"); replaced > 0 {
		if back, err := enc.NewEncoder().Bytes(decoded); err == nil && bytes.Equal(back, body) {
			replaced = 0 // the character itself was sent
		}
	}
	if symbols != nil {
		text = symbols.Replace(text)
	}
	return text, replaced, nil
}

// checkEncoding refuses the name of a charset that is unknown.
func checkEncoding(name string) error {
	if enc, _ := encodingOf(name); enc == nil {
		return errors.New("encoding must name a charset, such as gb18030, big5 or iso-8859-1")
	}
	return nil
}
