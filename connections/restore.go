package connections

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/dingdag/dingdag/phrase"
)

// Restore puts the secrets of a connection back after somebody has edited what
// [Masker.Redact] shows of it. base is what was shown, read in the way in which edited was:
// what is the same in both is taken from original, everything else from edited. A "***" that
// stands where base has another one is an error, which tells no value.
func Restore(edited, base, original *Connection) (*Connection, error) {
	r := *edited
	var errs []error
	text := func(name string, edited, base, original *string) *string {
		v, err := restoreText(name, edited, base, original)
		errs = append(errs, err)
		return v
	}
	r.Description = text("description", edited.Description, base.Description, original.Description)
	r.Host = text("host", edited.Host, base.Host, original.Host)
	r.Login = text("login", edited.Login, base.Login, original.Login)
	r.Schema = text("schema", edited.Schema, base.Schema, original.Schema)
	r.Password = (*Secret)(text("password", (*string)(edited.Password), (*string)(base.Password), (*string)(original.Password)))
	extra, err := restoreExtra(edited, base, original)
	r.Extra = extra
	if err := joinLine(append(errs, err)...); err != nil {
		return nil, phrase.Err("vault.is", phrase.Of("kind.connection"), original.ID, err)
	}
	return &r, nil
}

func restoreText(name string, edited, base, original *string) (*string, error) {
	switch {
	case valueOf(edited) == valueOf(base):
		return original, nil
	case strings.Contains(valueOf(edited), redacted):
		return nil, starsError(name)
	default:
		return edited, nil
	}
}

func starsError(name string) error {
	return phrase.Err("conn.keep", name)
}

// restoreExtra keeps the text of the extra where nothing in it was changed.
func restoreExtra(edited, base, original *Connection) (*Secret, error) {
	was, err := original.ExtraMap()
	if err != nil {
		return nil, err
	}
	shown, err := base.ExtraMap()
	if err != nil {
		return nil, err
	}
	now, err := edited.ExtraMap()
	if err != nil {
		return nil, err
	}
	restored, err := restoreValue("extra", now, shown, was, hasStars)
	switch {
	case err != nil:
		return nil, err
	case reflect.DeepEqual(restored, was):
		return original.Extra, nil
	case edited.Extra == nil || reflect.DeepEqual(restored, now):
		return edited.Extra, nil // as it is written
	}
	return new(Secret(bytes.TrimSuffix(encodeJSON(restored), []byte("\n")))), nil
}

func hasStars(text string) bool { return strings.Contains(text, redacted) }

// IsStars reports whether a text is what stands in place of a secret.
func IsStars(text string) bool { return text == redacted }

// RestoreVariable puts the secrets of a variable back after somebody has edited what [Masker.RedactVariable] shows of it:
// what is the same in both is taken from original. A "***" that stands where shown has another one is an error, which
// tells no value; stars inside of a longer text are stars.
func RestoreVariable(edited, shown, original string) (string, error) {
	switch {
	case edited == shown:
		return original, nil
	case IsStars(edited):
		return "", starsError("value")
	case !isComposite(edited):
		return edited, nil
	}
	var now, was, base any
	if err := decodeJSON([]byte(edited), &now); err != nil {
		return "", err
	}
	if isComposite(original) { // else no secret is inside
		if err := errors.Join(decodeJSON([]byte(original), &was), decodeJSON([]byte(shown), &base)); err != nil {
			return "", err
		}
	}
	restored, err := restoreValue("value", now, base, was, IsStars)
	switch {
	case err != nil:
		return "", err
	case reflect.DeepEqual(restored, now):
		return edited, nil
	}
	return string(bytes.TrimSuffix(encodeJSON(restored), []byte("\n"))), nil
}

// restoreValue restores a value of the extra or of a variable, whose place is path.
func restoreValue(path string, edited, base, original any, stars func(string) bool) (any, error) {
	if reflect.DeepEqual(edited, base) {
		return original, nil
	}
	switch e := edited.(type) {
	case map[string]any:
		b, _ := base.(map[string]any)
		o, _ := original.(map[string]any)
		out := make(map[string]any, len(e))
		for _, name := range slices.Sorted(maps.Keys(e)) {
			var err error
			_, shown := b[name]
			if v := e[name]; shown {
				out[name], err = restoreValue(path+"."+name, v, b[name], o[name], stars)
			} else {
				out[name], err = restoreValue(path+"."+name, v, missing{}, nil, stars)
			}
			if err != nil {
				return nil, err
			}
		}
		return out, nil
	case []any:
		b, _ := base.([]any)
		o, _ := original.([]any)
		out := make([]any, len(e))
		for i, v := range e {
			var err error
			if len(b) == len(e) && len(o) == len(e) {
				out[i], err = restoreValue(fmt.Sprintf("%s[%d]", path, i), v, b[i], o[i], stars)
			} else { // which of them is which nobody knows
				out[i], err = restoreValue(fmt.Sprintf("%s[%d]", path, i), v, missing{}, nil, stars)
			}
			if err != nil {
				return nil, err
			}
		}
		return out, nil
	case string:
		if stars(e) {
			return nil, starsError(path)
		}
	}
	return edited, nil
}

// missing is what no edited value is equal to.
type missing struct{}
