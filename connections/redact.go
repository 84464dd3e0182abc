package connections

import (
	"bytes"
	"encoding/json"
	"strings"
)

// redacted stands in place of a secret in what is shown.
const redacted = "***"

// Redact returns a copy of c that can be shown: "***" stands for the password and for
// the values of the extra, but those under names that are known to be harmless and what
// is true, false or null; tokens and passwords in URLs are masked. The secrets of c are
// registered as by [Masker.AddConnection].
func (m *Masker) Redact(c *Connection) *Connection {
	m.AddConnection(c)
	r := *c
	r.Description, r.Host = m.maskText(c.Description), m.maskText(c.Host)
	r.Login, r.Schema = m.maskText(c.Login), m.maskText(c.Schema)
	if c.Password != nil {
		r.Password = new(Secret(redacted))
	}
	if c.Extra != nil {
		r.Extra = new(Secret(m.redactExtra(c)))
	}
	return &r
}

func (m *Masker) maskText(s *string) *string {
	if s == nil {
		return nil
	}
	return new(m.Mask(*s))
}

// redactExtra keeps the text as it is written, but for what is hidden in it.
func (m *Masker) redactExtra(c *Connection) string {
	if _, err := c.ExtraMap(); err != nil {
		return redacted // what cannot be read cannot be told apart
	}
	return string(m.redactMembers([]byte(c.GetExtra().Reveal()), func(name string) bool { return !m.HarmlessExtra(name) }))
}

// RedactVariable is the text of a variable as it can be shown: "***" when it is a secret by the name of its key; and if
// it is JSON, in place of what is one by its own name. Registered secrets are masked. The value is registered if it is
// a secret.
func (m *Masker) RedactVariable(key, value string) string {
	switch {
	case value == "":
		return ""
	case m.SensitiveName(key):
		m.Add(value)
		return redacted
	case isComposite(value):
		return string(m.redactMembers([]byte(value), m.SensitiveName))
	default:
		return m.Mask(value)
	}
}

// isComposite reports whether a text is a JSON object or list.
func isComposite(text string) bool {
	t := strings.TrimSpace(text)
	return t != "" && (t[0] == '{' || t[0] == '[') && json.Valid([]byte(t))
}

// redactMembers replaces, in the text of a JSON value, the values of members that are hidden by their names, but what is
// true, false, null or empty; in other texts it masks registered secrets.
func (m *Masker) redactMembers(data []byte, hidden func(name string) bool) []byte {
	var out bytes.Buffer
	for i := 0; i < len(data); {
		end := tokenEnd(data, i)
		token := data[i:end]
		switch {
		case token[0] != '"':
			out.Write(token)
		case !isName(data[end:]):
			out.Write(m.maskJSONText(token))
		default:
			start := end + len(data[end:]) - len(bytes.TrimLeft(data[end:], " \t\r\n:"))
			out.Write(data[i:start])
			end = start // the value is looked at by itself
			if stop := valueEnd(data, start); hidden(textOf(token)) && isSecretValue(data[start:stop]) {
				out.WriteString(`"` + redacted + `"`)
				end = stop
			}
		}
		i = end
	}
	return out.Bytes()
}

// isSecretValue reports whether there is anything to hide in a JSON value.
func isSecretValue(value []byte) bool {
	switch value[0] {
	case 't', 'f', 'n':
		return false
	case '"':
		text := textOf(value)
		return text != "" && !plainWord(text)
	default:
		return true
	}
}

// textOf is the text of a JSON text.
func textOf(token []byte) string {
	var text string
	if json.Unmarshal(token, &text) != nil {
		return string(token) // it is valid
	}
	return text
}

// Redacted reports whether "***" stands in place of a secret in c, as
// [Masker.Redact] puts it there. Such a connection is for showing and works no more.
func (c *Connection) Redacted() bool {
	return c.GetPassword() == redacted || strings.Contains(c.GetHost(), redacted) ||
		strings.Contains(c.GetExtra().Reveal(), redacted)
}
