package connections

import (
	"encoding/json"
	"strconv"
	"strings"
)

// URI returns the connection in Airflow's URI form, the password and the extra
// in clear. [ParseURI] reads it back to an equal connection, but for what the
// form cannot say: the description is left out, port 0 is written as none, null
// host and schema come back as "", an empty login without a password comes back
// as null, a null login comes back as "" beside a password or a lone port, and
// the capitals of a host, which readers lower-case, as small letters.
func (c *Connection) URI() string {
	var b strings.Builder
	if c.Type != "" {
		b.WriteString(strings.ToLower(strings.ReplaceAll(c.Type, "_", "-")) + ":")
	}
	b.WriteString("//")
	protocol, host := c.splitProtocol()
	if protocol != "" {
		b.WriteString(protocol + "://")
	}
	userinfo := c.userinfo()
	b.WriteString(userinfo)
	b.WriteString(quote(host))
	if port := c.GetPort(); port != 0 {
		if userinfo == "" && host == "" {
			b.WriteByte('@')
		}
		b.WriteString(":" + strconv.Itoa(port))
	}
	if schema := c.GetSchema(); schema != "" {
		b.WriteString("/" + quote(schema))
	}
	if query := c.query(); query != "" {
		if c.GetSchema() == "" {
			b.WriteByte('/')
		}
		b.WriteString("?" + query)
	}
	return b.String()
}

// splitProtocol returns the host's own scheme and the rest of the host. A scheme
// that would not survive reading stays in the host, which is escaped whole.
func (c *Connection) splitProtocol() (protocol, host string) {
	protocol, host, ok := strings.Cut(c.GetHost(), "://")
	if !ok || host == "" || c.Type == "" || !validScheme(protocol) || protocol != strings.ToLower(protocol) {
		return "", c.GetHost()
	}
	return protocol, host
}

func (c *Connection) userinfo() string {
	info := quote(c.GetLogin())
	if password := c.GetPassword().Reveal(); password != "" {
		info += ":" + quote(password)
	}
	if info == "" {
		return ""
	}
	return info + "@"
}

// query returns the extra as form data: one pair for each key when all values
// are strings, else the whole JSON text under "__extra__".
func (c *Connection) query() string {
	extra := c.GetExtra().Reveal()
	if extra == "" {
		return ""
	}
	pairs, ok := stringPairs(extra)
	if !ok {
		return extraKey + "=" + quoteForm(extra)
	}
	parts := make([]string, len(pairs))
	for i, p := range pairs {
		parts[i] = quoteForm(p.key) + "=" + quoteForm(p.value)
	}
	return strings.Join(parts, "&")
}

// stringPairs returns the members of a JSON object in order, and false unless
// there is at least one, all are strings, and none is the key "__extra__".
func stringPairs(extra string) ([]pair, bool) {
	if !json.Valid([]byte(extra)) {
		return nil, false
	}
	dec := json.NewDecoder(strings.NewReader(extra))
	if start, err := dec.Token(); err != nil || start != json.Delim('{') {
		return nil, false
	}
	var pairs []pair
	for dec.More() {
		key, keyErr := dec.Token()
		value, valueErr := dec.Token()
		k, keyOK := key.(string)
		v, valueOK := value.(string)
		if keyErr != nil || valueErr != nil || !keyOK || !valueOK || k == extraKey {
			return nil, false
		}
		pairs = append(pairs, pair{k, v})
	}
	return pairs, len(pairs) > 0
}
