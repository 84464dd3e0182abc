package smtp

import (
	"bytes"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"net/mail"
	"os"
	"path/filepath"
	"slices"
	"strings"

	gomail "github.com/wneessen/go-mail"
	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/htmlindex"
)

// Mail is one mail.
type Mail struct {
	// From is the sender, an address or "Name <address>".
	From string
	// To, Cc and Bcc are the receivers. Each text may hold several, which , and ; separate.
	To, Cc, Bcc []string
	// Subject and HTML are the subject and the content.
	Subject, HTML string
	// Files are the paths of the attachments.
	Files []string
	// MIMESubtype is mixed (also when empty) or related, MIMECharset the encoding of the
	// content, utf-8 when empty.
	MIMESubtype, MIMECharset string
	// Headers are further headers.
	Headers map[string]string
	// ID becomes the Message-ID, by which programs that read mail drop a second copy.
	// Empty makes one.
	ID string
}

const (
	subtypeMixed   = "mixed"
	subtypeRelated = "related"
)

func checkSubtype(subtype string) error {
	if subtype != "" && !slices.Contains([]string{subtypeMixed, subtypeRelated}, subtype) {
		return fmt.Errorf("unknown mime_subtype %q: use mixed or related", subtype)
	}
	return nil
}

func checkCharset(charset string) error {
	_, err := encodingOf(charset)
	return err
}

func encodingOf(charset string) (encoding.Encoding, error) {
	if charset == "" {
		charset = "utf-8"
	}
	e, err := htmlindex.Get(charset)
	if err != nil {
		return nil, fmt.Errorf("unknown mime_charset %q: use utf-8", charset)
	}
	return e, nil
}

func checkAddresses(text string) error {
	_, err := addresses([]string{text})
	return err
}

// addresses reads texts of one or more addresses, which , and ; separate outside of quotes.
func addresses(texts []string) ([]*mail.Address, error) {
	var all []*mail.Address
	for _, text := range texts {
		for _, one := range splitAddresses(text) {
			a, err := mail.ParseAddress(one)
			if err != nil {
				return nil, fmt.Errorf("%q is not a valid mail address", one)
			}
			all = append(all, a)
		}
	}
	return all, nil
}

func splitAddresses(text string) []string {
	var parts []string
	var part strings.Builder
	quoted, escaped := false, false
	end := func() {
		if s := strings.TrimSpace(part.String()); s != "" {
			parts = append(parts, s)
		}
		part.Reset()
	}
	for _, r := range text {
		switch {
		case escaped:
			escaped = false
		case r == '\\' && quoted:
			escaped = true
		case r == '"':
			quoted = !quoted
		case !quoted && (r == ',' || r == ';'):
			end()
			continue
		}
		part.WriteRune(r)
	}
	end()
	return parts
}

// NewID makes the id of a mail, for [Mail.ID].
func NewID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	return hex.EncodeToString(b[:]) + "@dingdag"
}

// composed is a mail as it goes over the wire.
type composed struct {
	from string
	to   []string
	text []byte
}

// compose writes the mail.
func (m *Mail) compose() (*composed, error) {
	from, err := addresses([]string{m.From})
	if err != nil {
		return nil, fmt.Errorf("from_email: %w", err)
	}
	if len(from) != 1 {
		return nil, errors.New("from_email must be one address")
	}
	msg := gomail.NewMsg(gomail.WithEncoding(gomail.EncodingB64), gomail.WithNoDefaultUserAgent())
	msg.FromMailAddress(from[0])
	c := &composed{from: from[0].Address}
	for _, list := range []struct {
		name  string
		texts []string
		set   func(...*mail.Address)
	}{{"to", m.To, msg.ToMailAddress}, {"cc", m.Cc, msg.CcMailAddress}, {"bcc", m.Bcc, func(...*mail.Address) {}}} {
		found, err := addresses(list.texts)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", list.name, err)
		}
		if len(found) > 0 {
			list.set(found...)
		}
		for _, a := range found {
			if !slices.Contains(c.to, a.Address) {
				c.to = append(c.to, a.Address)
			}
		}
	}
	if len(c.to) == 0 {
		return nil, errors.New("to names nobody")
	}
	if err := m.fill(msg); err != nil {
		return nil, err
	}
	var text bytes.Buffer
	if _, err := msg.WriteTo(&text); err != nil {
		return nil, fmt.Errorf("write the mail: %w", err)
	}
	c.text = text.Bytes()
	return c, nil
}

// fill writes subject, headers, content and attachments.
func (m *Mail) fill(msg *gomail.Msg) error {
	msg.Subject(strings.Join(strings.Fields(m.Subject), " "))
	id := m.ID
	if id == "" {
		id = NewID()
	}
	msg.SetMessageIDWithValue(id)
	for name, value := range m.Headers {
		if err := checkHeader(name); err != nil {
			return fmt.Errorf("custom_headers: %w", err)
		}
		if strings.ContainsAny(value, "\r\n") {
			return fmt.Errorf("custom_headers: the value of %s has more than one line", name)
		}
		msg.SetGenHeader(gomail.Header(name), value)
	}
	if err := checkSubtype(m.MIMESubtype); err != nil {
		return err
	}
	charset, err := encodingOf(m.MIMECharset)
	if err != nil {
		return err
	}
	content, err := charset.NewEncoder().String(m.HTML)
	if err != nil {
		return fmt.Errorf("the content has characters that mime_charset %s has not: use utf-8", m.MIMECharset)
	}
	name := strings.ToUpper(m.MIMECharset)
	if name == "" {
		name = "UTF-8"
	}
	msg.SetBodyString(gomail.TypeTextHTML, content, gomail.WithPartCharset(gomail.Charset(name)))
	for _, path := range m.Files {
		if err := attach(msg, path, m.MIMESubtype == subtypeRelated); err != nil {
			return err
		}
	}
	return nil
}

// attach adds a file, which the HTML may show by its base name (Airflow, SmtpHook).
func attach(msg *gomail.Msg, path string, inline bool) error {
	data, err := os.ReadFile(path) //nolint:gosec // the file that the DAG names
	if err != nil {
		return fmt.Errorf("read the attachment: %w", err)
	}
	name, add := filepath.Base(path), msg.AttachReadSeeker
	if inline {
		add = msg.EmbedReadSeeker
	}
	add(name, bytes.NewReader(data), gomail.WithFileContentID("<"+name+">"))
	return nil
}
