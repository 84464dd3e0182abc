package connections

import (
	"errors"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/dingdag/dingdag/phrase"
)

const (
	maxIDLength = 250
	maxPort     = 65535
)

// ValidateID checks a connection id by Airflow's rule: 1 to 250 characters, each
// a letter or digit of any script or one of _ # ! ( ) - . : / \.
func ValidateID(id string) error {
	if id == "" {
		return phrase.Err("conn.no_id")
	}
	if n := utf8.RuneCountInString(id); n > maxIDLength {
		return phrase.Err("conn.long_id", n, maxIDLength)
	}
	for _, r := range id {
		if !unicode.IsLetter(r) && !unicode.IsNumber(r) && !strings.ContainsRune(`_#!()-.:/\`, r) {
			return phrase.Err("conn.bad_id", id, strconv.QuoteRune(r), `_ # ! ( ) - . : / \`)
		}
	}
	return nil
}

// NormalizeType returns the connection type as Airflow spells it: underscores
// for dashes, "postgres" for "postgresql". The parsers of this package apply it.
func NormalizeType(connType string) string {
	if connType == "postgresql" {
		return "postgres"
	}
	return strings.ReplaceAll(connType, "-", "_")
}

// Validate checks the id, the type, the port and that the extra is a JSON
// object. It reports every mistake at once and shows no field but id and type.
func (c *Connection) Validate() error {
	return errors.Join(ValidateID(c.ID), c.validateFields())
}

func (c *Connection) validateFields() error {
	return joinLine(validateType(c.Type), validatePort(c.Port), validateExtra(c.Extra))
}

func validateType(connType string) error {
	if connType == "" || validScheme(strings.ReplaceAll(connType, "_", "-")) {
		return nil
	}
	return phrase.Err("conn.type", connType)
}

func validatePort(port *int) error {
	if port == nil || *port >= 0 && *port <= maxPort {
		return nil
	}
	return phrase.Err("conn.port", *port, maxPort)
}

func validateExtra(extra *Secret) error {
	if extra == nil {
		return nil
	}
	_, err := decodeExtra(extra.Reveal())
	return err
}

// joinLine joins the texts of several errors in one line, because they are shown
// behind one "file:line:" or connection id.
func joinLine(errs ...error) error {
	var all error
	for _, err := range errs {
		switch {
		case err == nil:
		case all == nil:
			all = err
		default:
			all = phrase.Err("then", all, err)
		}
	}
	return all
}
