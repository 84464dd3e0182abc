package file

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/dingdag/dingdag/connections"
)

// Serialization is the form of a connection in an .env file.
type Serialization string

// The serializations. URI is Airflow's default; it leaves out the description.
const (
	AsURI  Serialization = "uri"
	AsJSON Serialization = "json"
)

// attributes are the eight that an export holds, nulls kept, in Airflow's order.
type attributes struct {
	Type        *string `json:"conn_type"   yaml:"conn_type"`
	Description *string `json:"description" yaml:"description"`
	Login       *string `json:"login"       yaml:"login"`
	Password    *string `json:"password"    yaml:"password"`
	Host        *string `json:"host"        yaml:"host"`
	Port        *int    `json:"port"        yaml:"port"`
	Schema      *string `json:"schema"      yaml:"schema"`
	Extra       *string `json:"extra"       yaml:"extra"`
}

// WriteConnections writes connections sorted by id, passwords and extras in
// clear, in a form that [ParseConnections] reads back. The serialization is for
// .env files only; empty means [AsURI].
func WriteConnections(w io.Writer, format Format, serialization Serialization, all []*connections.Connection) error {
	var out bytes.Buffer
	var err error
	switch format {
	case Env:
		err = writeEnv(&out, serialization, all)
	case JSON:
		enc := json.NewEncoder(&out)
		enc.SetEscapeHTML(false)
		enc.SetIndent("", "  ")
		err = enc.Encode(objectOf(all))
	case YAML:
		enc := yaml.NewEncoder(&out)
		enc.SetIndent(2)
		err = errors.Join(enc.Encode(objectOf(all)), enc.Close())
	default:
		err = fmt.Errorf("unsupported file format %q; use .env, .json or .yaml", format)
	}
	if err != nil {
		return fmt.Errorf("write connections: %w", err)
	}
	if _, err := w.Write(out.Bytes()); err != nil {
		return fmt.Errorf("write connections: %w", err)
	}
	return nil
}

func writeEnv(out *bytes.Buffer, serialization Serialization, all []*connections.Connection) error {
	byID := func(a, b *connections.Connection) int { return strings.Compare(a.ID, b.ID) }
	for _, c := range slices.SortedFunc(slices.Values(all), byID) {
		if strings.HasPrefix(c.ID, "#") {
			return fmt.Errorf("connection %q: an .env file would read it as a comment; export to .json or .yaml", c.ID)
		}
		var text string
		switch serialization {
		case AsURI, "":
			text = c.URI()
		case AsJSON:
			text = string(c.JSON())
		default:
			return fmt.Errorf("unknown serialization %q; use %q or %q", serialization, AsURI, AsJSON)
		}
		fmt.Fprintf(out, "%s=%s\n", c.ID, text)
	}
	return nil
}

// objectOf returns the outer object of JSON and YAML, whose encoders sort its keys.
func objectOf(all []*connections.Connection) map[string]attributes {
	object := make(map[string]attributes, len(all))
	for _, c := range all {
		object[c.ID] = attributesOf(c)
	}
	return object
}

func attributesOf(c *connections.Connection) attributes {
	a := attributes{
		Description: c.Description,
		Login:       c.Login,
		Password:    reveal(c.Password),
		Host:        c.Host,
		Port:        c.Port,
		Schema:      c.Schema,
		Extra:       reveal(c.Extra),
	}
	if c.Type != "" {
		a.Type = &c.Type
	}
	return a
}

func reveal(s *connections.Secret) *string {
	if s == nil {
		return nil
	}
	return new(s.Reveal())
}
