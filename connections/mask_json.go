package connections

import (
	"bytes"
	"encoding/json"
)

// MaskJSON returns a JSON text with the secrets in its texts replaced; a number that is a
// secret becomes the text "***". Names of members stay, as do the order and the space
// between. What is no JSON is masked as text.
func (m *Masker) MaskJSON(data []byte) []byte {
	if !json.Valid(data) {
		return []byte(m.Mask(string(data)))
	}
	var out bytes.Buffer
	for i := 0; i < len(data); {
		end := tokenEnd(data, i)
		token := data[i:end]
		i = end
		switch c := token[0]; {
		case c == '"' && !isName(data[end:]):
			out.Write(m.maskJSONText(token))
		case (c == '-' || isDigit(c)) && m.Mask(string(token)) != string(token):
			out.WriteString(`"` + masked + `"`)
		default:
			out.Write(token)
		}
	}
	return out.Bytes()
}

// tokenEnd returns the end of the text, the number or the single byte that begins at i of
// valid JSON.
func tokenEnd(data []byte, i int) int {
	switch c := data[i]; {
	case c == '"':
		for i++; data[i] != '"'; i++ {
			if data[i] == '\\' {
				i++
			}
		}
		return i + 1
	case c == '-' || isDigit(c):
		return i + len(data[i:]) - len(bytes.TrimLeft(data[i:], "+-.eE0123456789"))
	default:
		return i + 1
	}
}

// valueEnd returns the end of the value that begins at i of valid JSON.
func valueEnd(data []byte, i int) int {
	switch data[i] {
	case 't', 'n':
		return i + len("true")
	case 'f':
		return i + len("false")
	case '{', '[':
	default:
		return tokenEnd(data, i)
	}
	for depth := 0; ; {
		switch data[i] {
		case '{', '[':
			depth++
		case '}', ']':
			depth--
		}
		if i = tokenEnd(data, i); depth == 0 {
			return i
		}
	}
}

// isName reports whether what stands before rest is the name of a member.
func isName(rest []byte) bool {
	return bytes.HasPrefix(bytes.TrimLeft(rest, " \t\r\n"), []byte(":"))
}

func (m *Masker) maskJSONText(token []byte) []byte {
	var text string
	if err := json.Unmarshal(token, &text); err != nil {
		return token // it is valid
	}
	clean := m.Mask(text)
	if clean == text {
		return token
	}
	return []byte(jsonText(clean))
}
