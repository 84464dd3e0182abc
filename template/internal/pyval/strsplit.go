package pyval

import (
	"fmt"

	"github.com/dingdag/dingdag/template/internal/pytext"
)

func split(b *Budget, s string, a *Args, right bool) (any, error) {
	sep, limit := a.AnyOr("sep", nil), a.IntOr("maxsplit", -1)
	if err := a.Done(); err != nil {
		return nil, err
	}
	if err := b.Spend(len(s) * ElementCost); err != nil {
		return nil, err
	}
	var parts []string
	switch sep := sep.(type) {
	case nil:
		parts = pytext.Fields(s, limit, right)
	case string:
		if sep == "" {
			return nil, fmt.Errorf("%s: the separator is empty", a.fn)
		}
		parts = pytext.Split(s, sep, limit, right)
	default:
		return nil, fmt.Errorf("%s: the separator must be a text, not %q", a.fn, TypeName(sep))
	}
	return Texts(parts), nil
}

func splitLines(b *Budget, s string, a *Args) (any, error) {
	keep := a.BoolOr("keepends", false)
	if err := a.Done(); err != nil {
		return nil, err
	}
	if err := b.Spend(len(s) * ElementCost); err != nil {
		return nil, err
	}
	return Texts(pytext.Lines(s, keep)), nil
}

// Texts is a list of texts.
func Texts(parts []string) *List {
	items := make([]any, len(parts))
	for i, p := range parts {
		items[i] = p
	}
	return NewList(items...)
}
