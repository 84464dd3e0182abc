// Package smtp sends mail through a connection of type smtp, and says of a mail that came to
// nothing whether it may have arrived.
package smtp

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"strconv"
	"time"

	"gopkg.in/yaml.v3"

	"github.com/dingdag/dingdag/connections"
	"github.com/dingdag/dingdag/params"
)

// Server is a mail server and how to get in. Make one with [Open].
type Server struct {
	// ConnID is the connection.
	ConnID string
	// From is the sender of mails that name none, and may be empty.
	From string
	// SubjectTemplate and HTMLTemplate are the paths of template files for mails without
	// subject or content, and may be empty.
	SubjectTemplate, HTMLTemplate string

	host, login string
	port        int
	password    connections.Secret
	extra       extra
}

// extra are the keys of the connection's extra, by the names of Airflow's SMTP provider.
type extra struct {
	FromEmail           string        `yaml:"from_email"`
	DisableSSL          bool          `yaml:"disable_ssl" param:"default=false"`
	DisableTLS          bool          `yaml:"disable_tls" param:"default=false"`
	SSLContext          string        `yaml:"ssl_context" param:"default=default,enum=default|none"`
	Timeout             time.Duration `yaml:"timeout" param:"default=30s,min=1ms"`
	RetryLimit          int           `yaml:"retry_limit" param:"default=5,min=0"`
	SubjectTemplate     string        `yaml:"subject_template"`
	HTMLContentTemplate string        `yaml:"html_content_template"`
}

// Open looks up a connection. It does not talk to the server yet. The error is an [*Error].
func Open(ctx context.Context, source connections.Source, connID string) (*Server, error) {
	conn, err := source.Connection(ctx, connID)
	if err != nil {
		return nil, &Error{Kind: KindInvalid, Err: fmt.Errorf("get the connection of the mail server: %w", err)}
	}
	s := &Server{ConnID: connID, host: conn.GetHost(), port: conn.GetPort(), login: conn.GetLogin(), password: conn.GetPassword()}
	if s.host == "" {
		return nil, &Error{Kind: KindInvalid, Err: fmt.Errorf("connection %q has no host", connID)}
	}
	if err := s.readExtra(conn); err != nil {
		return nil, &Error{Kind: KindInvalid, Err: fmt.Errorf("connection %q: %w", connID, err)}
	}
	s.From, s.SubjectTemplate, s.HTMLTemplate = s.extra.FromEmail, s.extra.SubjectTemplate, s.extra.HTMLContentTemplate
	if s.port == 0 {
		s.port = 465
		if s.extra.DisableSSL {
			s.port = 25
		}
	}
	return s, nil
}

// readExtra reads the keys that are known; the rest is others'. Its errors show no values.
func (s *Server) readExtra(conn *connections.Connection) error {
	values, err := conn.ExtraMap()
	if err != nil {
		return err
	}
	typ := params.Of[extra]("", nil)
	node := &yaml.Node{Kind: yaml.MappingNode}
	for _, name := range typ.Names() {
		value, set := values[name]
		if !set || value == nil || value == "" {
			continue
		}
		// A plain scalar: in a connection that is written as a URI every value is text.
		scalar := &yaml.Node{Kind: yaml.ScalarNode, Value: fmt.Sprint(value)}
		if _, isText := value.(string); isText && !isOption(name) {
			scalar.Tag, scalar.Style = "!!str", yaml.DoubleQuotedStyle
		}
		node.Content = append(node.Content, &yaml.Node{Kind: yaml.ScalarNode, Value: name}, scalar)
	}
	for _, p := range typ.Decode(node, &s.extra) {
		if !p.Warning {
			return fmt.Errorf("extra: the value of %q is not valid", p.Field)
		}
	}
	return nil
}

// isOption tells the keys that are no text of their own.
func isOption(name string) bool {
	switch name {
	case "disable_ssl", "disable_tls", "timeout", "retry_limit":
		return true
	}
	return false
}

// Address is host and port.
func (s *Server) Address() string { return net.JoinHostPort(s.host, strconv.Itoa(s.port)) }

// Security says how the line to the server is kept private.
func (s *Server) Security() string {
	switch {
	case !s.extra.DisableSSL:
		return "TLS from the start"
	case !s.extra.DisableTLS:
		return "STARTTLS"
	}
	return "no encryption"
}

func (s *Server) tlsConfig() *tls.Config {
	return &tls.Config{
		ServerName: s.host, MinVersion: tls.VersionTLS12,
		InsecureSkipVerify: s.extra.SSLContext == "none", //nolint:gosec // what ssl_context none asks for
	}
}
