package connections

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// extraKey is the query key that carries the whole extra as JSON.
const extraKey = "__extra__"

// ParseURI reads a connection from Airflow's URI form:
//
//	conn-type://login:password@host:port/schema?key=value
//
// The parts are percent-decoded, the query is form data and becomes the extra,
// and "type://https://host" keeps the inner scheme in the host. Parts that a URI
// cannot leave out (host, schema) are "" and never null. Errors name the id and
// never show the URI, since it may hold a password.
func ParseURI(id, uri string) (*Connection, error) {
	if err := ValidateID(id); err != nil {
		return nil, err
	}
	c, err := parseURI(strings.TrimSpace(uri))
	if err != nil {
		return nil, fmt.Errorf("connection %q: %w", id, err)
	}
	c.ID = id
	return c, nil
}

// parseURI is written by hand because net/url refuses or re-encodes much of what
// Airflow accepts: escaped slashes in the host, empty user names, two schemes.
func parseURI(uri string) (*Connection, error) {
	if !utf8.ValidString(uri) || strings.ContainsFunc(uri, unicode.IsControl) {
		return nil, errors.New("the URI holds control characters or is not UTF-8; percent-escape them")
	}
	uri, _, _ = strings.Cut(uri, "#")
	address, query, _ := strings.Cut(uri, "?")
	scheme, rest, err := cutScheme(address)
	if err != nil {
		return nil, err
	}
	protocol, rest, err := cutProtocol(rest)
	if err != nil {
		return nil, err
	}
	authority, path, _ := strings.Cut(rest, "/")

	c := &Connection{Type: NormalizeType(scheme)}
	schema, err := unquote(path)
	if err != nil {
		return nil, fmt.Errorf("schema: %w", err)
	}
	c.Schema = &schema
	if err := c.setAuthority(protocol, authority); err != nil {
		return nil, err
	}
	if err := c.setQuery(query); err != nil {
		return nil, err
	}
	return c, nil
}

func cutScheme(address string) (scheme, rest string, err error) {
	if rest, ok := strings.CutPrefix(address, "//"); ok {
		return "", rest, nil
	}
	scheme, rest, ok := strings.Cut(address, "://")
	switch dashed := strings.ReplaceAll(scheme, "_", "-"); {
	case !ok:
		return "", "", errors.New(`no "://" in the URI; want conn-type://login:password@host:port/schema?key=value`)
	case validScheme(scheme):
		return strings.ToLower(scheme), rest, nil
	case validScheme(dashed):
		return "", "", fmt.Errorf(`a URI scheme cannot hold "_": write %q for the connection type %q`, dashed+"://", scheme)
	default:
		return "", "", errors.New(`the text before "://" is not a connection type; want a letter, then letters, digits and any of - . +`)
	}
}

// cutProtocol takes the scheme of the host from "https://login:password@host".
func cutProtocol(rest string) (protocol, authority string, err error) {
	protocol, authority, ok := strings.Cut(rest, "://")
	if !ok {
		return "", rest, nil
	}
	if strings.Contains(authority, "://") {
		return "", "", errors.New(`more than two "://" in the URI; write the later ones as %3A%2F%2F`)
	}
	if !validScheme(protocol) {
		return "", "", errors.New(`the text before the second "://" is not a scheme; ` +
			`login and password belong after it: type://https://login:password@host`)
	}
	return strings.ToLower(protocol), authority, nil
}

func (c *Connection) setAuthority(protocol, authority string) error {
	hostport := authority
	if at := strings.LastIndexByte(authority, '@'); at >= 0 {
		hostport = authority[at+1:]
		if err := c.setUserinfo(authority[:at]); err != nil {
			return err
		}
	}
	host, port, err := splitHostPort(hostport)
	if err != nil {
		return err
	}
	if host, err = hostOf(host); err != nil {
		return fmt.Errorf("host: %w", err)
	}
	if protocol != "" && host != "" {
		host = protocol + "://" + host
	}
	c.Host, c.Port = &host, port
	return nil
}

func (c *Connection) setUserinfo(userinfo string) error {
	login, password, _ := strings.Cut(userinfo, ":")
	login, err := unquote(login)
	if err != nil {
		return fmt.Errorf("login: %w", err)
	}
	if password, err = unquote(password); err != nil {
		return fmt.Errorf("password: %w", err)
	}
	c.Login, c.Password = &login, secretOf(password)
	return nil
}

func splitHostPort(hostport string) (host string, port *int, err error) {
	host, portText, _ := strings.Cut(hostport, ":")
	if inner, ok := strings.CutPrefix(hostport, "["); ok {
		var closed bool
		host, portText, closed = strings.Cut(inner, "]")
		if !closed || portText != "" && portText[0] != ':' {
			return "", nil, errors.New("host: want an IPv6 address as [address]:port")
		}
		portText = strings.TrimPrefix(portText, ":")
	}
	if portText == "" {
		return host, nil, nil
	}
	number, err := strconv.ParseUint(portText, 10, 16)
	if err != nil {
		// The text may be half of a password, so it is not shown.
		return "", nil, fmt.Errorf("port is not a number between 0 and %d; escape / ? # @ and : in login and password "+
			"as %%2F %%3F %%23 %%40 and %%3A", maxPort)
	}
	return host, new(int(number)), nil
}

// hostOf decodes a host. As in Airflow it is lower-cased up to the first
// percent sign, and not at all when it holds a slash, because then it is a path.
func hostOf(text string) (string, error) {
	host, err := unquote(text)
	if err != nil || strings.Contains(host, "/") {
		return host, err
	}
	plain, _, _ := strings.Cut(text, "%")
	return unquote(strings.ToLower(plain) + text[len(plain):])
}

func (c *Connection) setQuery(query string) error {
	if query == "" {
		return nil
	}
	pairs, err := parseQuery(query)
	if err != nil {
		return fmt.Errorf("query: %w", err)
	}
	c.Extra = secretOf(objectOf(pairs))
	for _, p := range pairs {
		if p.key == extraKey {
			c.Extra = secretOf(p.value)
		}
	}
	return validateExtra(c.Extra)
}

// validScheme reports whether s is a scheme by RFC 3986.
func validScheme(s string) bool {
	for i := range len(s) {
		if c := s[i]; !isAlpha(c) && (i == 0 || !isDigit(c) && strings.IndexByte("+-.", c) < 0) {
			return false
		}
	}
	return s != ""
}
