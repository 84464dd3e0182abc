package rewrite

import (
	"encoding/hex"
	"strings"
	"unicode"
)

// identPrefix marks names that minijinja could not read: it takes ASCII only.
const identPrefix = "__u"

// Ident returns how a name is spelled in the rewritten source.
func Ident(name string) string {
	if strings.IndexFunc(name, func(r rune) bool { return r > unicode.MaxASCII }) < 0 {
		return name
	}
	return identPrefix + hex.EncodeToString([]byte(name))
}

// Name undoes [Ident].
func Name(ident string) string {
	if code, ok := strings.CutPrefix(ident, identPrefix); ok {
		if name, err := hex.DecodeString(code); err == nil {
			return string(name)
		}
	}
	return ident
}
