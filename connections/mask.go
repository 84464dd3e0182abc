package connections

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"unicode/utf8"
)

// sensitiveNames are Airflow's: a name that contains one of them, in any case,
// is the name of a secret.
const sensitiveNames = "access_token api_key apikey authorization passphrase passwd password " +
	"private_key secret token keyfile_dict service_account"

// SensitiveName reports whether a variable or a key of an extra is, by its name,
// a secret.
func SensitiveName(name string) bool {
	return containsAny(strings.ToLower(name), strings.Fields(sensitiveNames))
}

func containsAny(s string, parts []string) bool {
	return slices.ContainsFunc(parts, func(part string) bool { return strings.Contains(s, part) })
}

// Masker replaces registered secrets in text by "***". Texts shorter than five
// characters and the word "airflow" are never masked: they would garble logs and
// protect nothing. It is safe for concurrent use. [NewMasker] makes one.
type Masker struct {
	names []string

	mu       sync.Mutex
	known    map[string]struct{} // as they were given to Add
	forms    map[string]struct{} // the texts to look for
	harmless map[string]struct{} // keys of extras
	current  atomic.Pointer[matcher]
}

// NewMasker returns a masker without secrets. A name that contains one of
// sensitiveNames, in any case, counts as sensitive beside Airflow's list.
func NewMasker(sensitiveNames ...string) *Masker {
	m := &Masker{known: map[string]struct{}{}, forms: map[string]struct{}{}, harmless: map[string]struct{}{}}
	m.ShowExtra(strings.Fields(harmlessExtra)...)
	for _, name := range sensitiveNames {
		if name = strings.ToLower(strings.TrimSpace(name)); name != "" {
			m.names = append(m.names, name)
		}
	}
	m.current.Store(newMatcher(nil))
	return m
}

// SensitiveName is the function of the same name with the masker's own names added.
func (m *Masker) SensitiveName(name string) bool {
	return SensitiveName(name) || containsAny(strings.ToLower(name), m.names)
}

// Mask returns s with every registered secret replaced, and so is the beginning of one
// that somebody has cut off and marked with "…" or "...".
func (m *Masker) Mask(s string) string { return m.current.Load().mask(s) }

// SafeCut returns how many bytes of the start of s may be masked by themselves when more
// text follows: no secret that has begun there reaches over the cut.
func (m *Masker) SafeCut(s string) int { return m.current.Load().safeCut(s) }

// Add registers secrets: each as it is, URL-quoted, escaped as in JSON and markup, in
// base64, also as a part of a longer text and, if it has several lines, line by line,
// because logs are written by line.
func (m *Masker) Add(secrets ...string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	before := len(m.forms)
	for _, secret := range secrets {
		if _, ok := m.known[secret]; ok || !worthMasking(secret) {
			continue
		}
		m.known[secret] = struct{}{}
		for _, form := range formsOf(secret) {
			m.forms[form] = struct{}{}
		}
	}
	if len(m.forms) > before {
		m.current.Store(newMatcher(slices.Collect(maps.Keys(m.forms))))
	}
}

func worthMasking(s string) bool {
	return utf8.RuneCountInString(s) >= minSecret && !strings.EqualFold(s, "airflow")
}

// AddConnection registers what is secret in a connection: the password, alone and as the
// login and the password of basic authentication in base64; the texts and numbers of the
// extra at any depth, but those under names that are known to be harmless
// ([Masker.HarmlessExtra]); and the tokens and passwords in URLs that stand in the
// password, the host or the extra, such as a pasted webhook URL.
func (m *Masker) AddConnection(c *Connection) {
	password := c.GetPassword().Reveal()
	secrets := append([]string{password}, m.inURL(password)...)
	secrets = append(secrets, m.inURL(c.GetHost())...)
	if password != "" {
		basic := base64.StdEncoding.EncodeToString([]byte(c.GetLogin() + ":" + password))
		secrets = append(secrets, basic, strings.TrimRight(basic, "="))
	}
	extra, err := c.ExtraMap()
	if err != nil {
		// What cannot be read cannot be told apart, so all of it is secret.
		secrets = append(secrets, c.GetExtra().Reveal())
	}
	m.Add(m.inValue(secrets, extra, false)...)
}

// inValue appends the secrets in a JSON value. Under a name that is not known to be
// harmless every text and number is one.
func (m *Masker) inValue(secrets []string, value any, secret bool) []string {
	switch v := value.(type) {
	case map[string]any:
		for name, member := range v {
			secrets = m.inValue(secrets, member, secret || !m.HarmlessExtra(name))
		}
	case []any:
		for _, member := range v {
			secrets = m.inValue(secrets, member, secret)
		}
	case string:
		if secret && !plainWord(v) {
			secrets = append(secrets, v)
		}
		secrets = append(secrets, m.inURL(v)...)
	case json.Number:
		if secret {
			secrets = append(secrets, v.String())
		}
	}
	return secrets
}

// plainWord reports whether a text is a word that says yes or no, which would garble
// logs: values in a URI are all text.
func plainWord(s string) bool {
	switch strings.ToLower(s) {
	case "true", "false":
		return true
	}
	return false
}

// inURL returns the password and the query values under sensitive names of a
// URL, both as they stand there and decoded.
func (m *Masker) inURL(text string) []string {
	if !strings.Contains(text, "://") {
		return nil
	}
	var secrets []string
	if c, err := parseURI(text); err == nil {
		secrets = append(secrets, c.GetPassword().Reveal())
	}
	_, query, _ := strings.Cut(text, "?")
	for part := range strings.SplitSeq(query, "&") {
		name, value, _ := strings.Cut(part, "=")
		if !m.SensitiveName(name) {
			continue
		}
		secrets = append(secrets, value)
		if decoded, err := unquoteForm(value); err == nil {
			secrets = append(secrets, decoded)
		}
	}
	return secrets
}

// Masking returns src with every connection registered in m before it is handed out.
func Masking(src Source, m *Masker) Source { return maskingSource{src, m} }

type maskingSource struct {
	source Source
	masker *Masker
}

func (s maskingSource) Connection(ctx context.Context, id string) (*Connection, error) {
	c, err := s.source.Connection(ctx, id)
	if err == nil {
		s.masker.AddConnection(c)
	}
	return c, err
}

// MaskingVariables returns src with the text of every variable that has a
// sensitive name registered in m before it is handed out.
func MaskingVariables(src VariableSource, m *Masker) VariableSource {
	return maskingVariables{src, m}
}

type maskingVariables struct {
	source VariableSource
	masker *Masker
}

func (s maskingVariables) Variable(ctx context.Context, key string) (string, error) {
	text, err := s.source.Variable(ctx, key)
	if err == nil && s.masker.SensitiveName(key) {
		s.masker.Add(text)
	}
	return text, err
}
