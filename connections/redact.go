package connections

import (
	"bytes"
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

func (m *Masker) redactExtra(c *Connection) string {
	extra, err := c.ExtraMap()
	if err != nil {
		return redacted // what cannot be read cannot be told apart
	}
	return string(bytes.TrimSuffix(encodeJSON(m.redactValue(extra)), []byte("\n")))
}

// redactValue changes maps and lists in place.
func (m *Masker) redactValue(value any) any {
	switch v := value.(type) {
	case map[string]any:
		for name, member := range v {
			v[name] = m.redactMember(name, member)
		}
	case []any:
		for i, member := range v {
			v[i] = m.redactValue(member)
		}
	case string:
		return m.Mask(v)
	}
	return value
}

func (m *Masker) redactMember(name string, value any) any {
	switch v := value.(type) {
	case nil, bool:
		return value
	case string:
		if v == "" || plainWord(v) {
			return value
		}
	}
	if !m.HarmlessExtra(name) {
		return redacted
	}
	return m.redactValue(value)
}

// Redacted reports whether "***" stands in place of a secret in c, as
// [Masker.Redact] puts it there. Such a connection is for showing and works no more.
func (c *Connection) Redacted() bool {
	return c.GetPassword() == redacted || strings.Contains(c.GetHost(), redacted) ||
		strings.Contains(c.GetExtra().Reveal(), redacted)
}
