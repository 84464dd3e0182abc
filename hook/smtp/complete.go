package smtp

import (
	"errors"
	"fmt"
	"os"
	"strings"
)

// maxTemplate is how many bytes a template file of a connection may have.
const maxTemplate = 1 << 20

// Complete fills in the subject and the content that the mail lacks from the template files
// that the connection names, and the sender (Airflow, EmailOperator.execute). It is an
// [*Error] when the connection names none; see [Server.CompleteOr] for defaults.
func (s *Server) Complete(m *Mail, render func(text string) (string, error)) error {
	return s.CompleteOr(m, "", "", render)
}

// CompleteOr is [Server.Complete] with a subject and a content for mails that have none,
// through connections that name no templates. Empty ones are missing.
func (s *Server) CompleteOr(m *Mail, subject, html string, render func(text string) (string, error)) error {
	var err error
	if m.From == "" {
		m.From = s.From
	}
	if m.Subject == "" {
		if m.Subject, err = s.fromTemplate("subject", "subject_template", s.SubjectTemplate, subject, render); err != nil {
			return err
		}
		m.Subject = strings.TrimSpace(strings.ReplaceAll(m.Subject, "\n", ""))
	}
	if m.HTML == "" {
		m.HTML, err = s.fromTemplate("html_content", "html_content_template", s.HTMLTemplate, html, render)
	}
	return err
}

func (s *Server) fromTemplate(param, key, path, otherwise string, render func(text string) (string, error)) (string, error) {
	fail := func(err error) (string, error) { return "", &Error{Kind: KindInvalid, Err: err} }
	switch {
	case path == "" && otherwise == "":
		return fail(fmt.Errorf("no %s: give one, or name a file as %s in the extra of connection %q", param, key, s.ConnID))
	case path == "":
		return otherwise, nil
	}
	text, err := os.ReadFile(path) //nolint:gosec // the file that the connection names
	if err != nil {
		return fail(fmt.Errorf("connection %q: read the %s: %w", s.ConnID, key, err))
	}
	if len(text) > maxTemplate {
		return fail(fmt.Errorf("connection %q: the %s is larger than %d bytes", s.ConnID, key, maxTemplate))
	}
	out, err := render(string(text))
	if err != nil {
		return fail(fmt.Errorf("connection %q: render the %s: %w", s.ConnID, key, err))
	}
	if strings.TrimSpace(out) == "" {
		return fail(errors.New(path + " gives an empty " + param))
	}
	return out, nil
}
