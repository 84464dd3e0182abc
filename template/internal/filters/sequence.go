package filters

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"

	"github.com/dingdag/dingdag/template/internal/lang"
	"github.com/dingdag/dingdag/template/internal/pynum"
	"github.com/dingdag/dingdag/template/internal/pytext"
	"github.com/dingdag/dingdag/template/internal/pyval"
)

// elements returns a fresh slice of the elements of v after the arguments were read.
func elements(b *pyval.Budget, v any, a *pyval.Args) ([]any, error) {
	if err := a.Done(); err != nil {
		return nil, err
	}
	items, err := pyval.Iterate(b, v)
	return slices.Clone(items), err
}

func filterLength(_ *pyval.Budget, v any, a *pyval.Args) (any, error) {
	if err := a.Done(); err != nil {
		return nil, err
	}
	n, err := pyval.Len(v)
	return int64(n), err
}

func filterList(b *pyval.Budget, v any, a *pyval.Args) (any, error) {
	items, err := elements(b, v, a)
	return pyval.NewList(items...), err
}

func filterFirst(b *pyval.Budget, v any, a *pyval.Args) (any, error) {
	items, err := elements(b, v, a)
	if err != nil || len(items) == 0 {
		return pyval.Undefined{}, err
	}
	return items[0], nil
}

func filterLast(b *pyval.Budget, v any, a *pyval.Args) (any, error) {
	items, err := elements(b, v, a)
	if err != nil || len(items) == 0 {
		return pyval.Undefined{}, err
	}
	return items[len(items)-1], nil
}

func filterJoin(b *pyval.Budget, v any, a *pyval.Args) (any, error) {
	by, attr := a.AnyOr("d", ""), a.AnyOr("attribute", nil)
	sep, err := pyval.Str(b, by)
	if err != nil {
		return nil, err
	}
	items, err := elements(b, v, a)
	if err != nil {
		return nil, err
	}
	if attr != nil {
		for i := range items {
			if items[i], err = mustAttr(b, items[i], attr); err != nil {
				return nil, err
			}
		}
	}
	return pyval.Join(b, items, sep)
}

func filterReverse(b *pyval.Budget, v any, a *pyval.Args) (any, error) {
	items, err := elements(b, v, a)
	if err != nil {
		return nil, err
	}
	slices.Reverse(items)
	if _, isText := v.(string); isText {
		return pyval.Join(b, items, "")
	}
	return pyval.NewGenerator("reverse", items), nil
}

// foldCase makes texts compare without case unless that is asked for.
func foldCase(v any, caseSensitive bool) any {
	if s, ok := v.(string); ok && !caseSensitive {
		return pytext.Lower(s)
	}
	return v
}

// sortKey returns what sort and its like compare: the element or some attributes.
func sortKey(b *pyval.Budget, attr any, caseSensitive bool) func(any) (any, error) {
	return func(v any) (any, error) {
		if attr == nil {
			return foldCase(v, caseSensitive), nil
		}
		path, ok := attr.(string)
		if !ok {
			got, err := mustAttr(b, v, attr)
			return foldCase(got, caseSensitive), err
		}
		var keys pyval.Tuple
		for part := range strings.SplitSeq(path, ",") {
			got, err := mustAttr(b, v, strings.TrimSpace(part))
			if err != nil {
				return nil, err
			}
			keys = append(keys, foldCase(got, caseSensitive))
		}
		return keys, nil
	}
}

func filterSort(b *pyval.Budget, v any, a *pyval.Args) (any, error) {
	reverse, sensitive, attr := a.BoolOr("reverse", false), a.BoolOr("case_sensitive", false), a.AnyOr("attribute", nil)
	items, err := elements(b, v, a)
	if err != nil {
		return nil, err
	}
	return pyval.NewList(items...), pyval.Sort(b, items, sortKey(b, attr, sensitive), reverse)
}

func filterUnique(b *pyval.Budget, v any, a *pyval.Args) (any, error) {
	sensitive, attr := a.BoolOr("case_sensitive", false), a.AnyOr("attribute", nil)
	items, err := elements(b, v, a)
	if err != nil {
		return nil, err
	}
	seen, key := pyval.NewDict(), sortKey(b, attr, sensitive)
	var out []any
	for _, it := range items {
		k, err := key(it)
		if err != nil {
			return nil, err
		}
		if _, dup := seen.Get(k); dup {
			continue
		}
		if err := seen.Set(k, true); err != nil {
			return nil, err
		}
		out = append(out, it)
	}
	return pyval.NewGenerator("unique", out), nil
}

// extreme is min and max.
func extreme(sign int) lang.Filter {
	return func(b *pyval.Budget, v any, a *pyval.Args) (any, error) {
		sensitive, attr := a.BoolOr("case_sensitive", false), a.AnyOr("attribute", nil)
		items, err := elements(b, v, a)
		if err != nil || len(items) == 0 {
			return pyval.Undefined{}, err
		}
		if err := pyval.Sort(b, items, sortKey(b, attr, sensitive), sign > 0); err != nil {
			return nil, err
		}
		return items[0], nil
	}
}

func filterSum(b *pyval.Budget, v any, a *pyval.Args) (any, error) {
	attr, total := a.AnyOr("attribute", nil), a.AnyOr("start", int64(0))
	items, err := elements(b, v, a)
	if err != nil {
		return nil, err
	}
	if _, isText := total.(string); isText {
		return nil, errors.New("sum: adds numbers and lists; join puts texts together")
	}
	for _, it := range items {
		if attr != nil {
			if it, err = mustAttr(b, it, attr); err != nil {
				return nil, err
			}
		}
		if total, err = pyval.Binary(b, "+", total, it); err != nil {
			return nil, err
		}
	}
	return total, nil
}

const maxFill = 100_000

func filterBatch(b *pyval.Budget, v any, a *pyval.Args) (any, error) {
	n, fill := a.Int("linecount"), a.AnyOr("fill_with", nil)
	items, err := elements(b, v, a)
	if err != nil {
		return nil, err
	}
	if n < 1 || n > maxFill {
		return nil, fmt.Errorf("batch: the size is between 1 and %d", maxFill)
	}
	out := pyval.NewList()
	for part := range slices.Chunk(items, n) {
		part = slices.Clone(part)
		for fill != nil && len(part) < n {
			part = append(part, fill)
		}
		out.Items = append(out.Items, pyval.NewList(part...))
	}
	return pyval.NewGenerator("batch", out.Items), nil
}

func filterSlice(b *pyval.Budget, v any, a *pyval.Args) (any, error) {
	n, fill := a.Int("slices"), a.AnyOr("fill_with", nil)
	items, err := elements(b, v, a)
	if err != nil {
		return nil, err
	}
	if n < 1 || n > maxFill {
		return nil, fmt.Errorf("slice: the number is between 1 and %d", maxFill)
	}
	out, each, extra, at := pyval.NewList(), len(items)/n, len(items)%n, 0
	for i := range n {
		size := each
		if i < extra {
			size++
		}
		part := slices.Clone(items[at : at+size])
		if at += size; fill != nil && i >= extra {
			part = append(part, fill)
		}
		out.Items = append(out.Items, pyval.NewList(part...))
	}
	return pyval.NewGenerator("slice", out.Items), b.Charge(out)
}

func filterRandom(b *pyval.Budget, v any, a *pyval.Args) (any, error) {
	if _, isDict := v.(*pyval.Dict); isDict {
		return nil, errors.New("random: needs a sequence, not a dict: add | list")
	}
	items, err := elements(b, v, a)
	if err != nil || len(items) == 0 {
		return pyval.Undefined{}, err
	}
	return items[rand.IntN(len(items))], nil //nolint:gosec // Jinja's random is not for secrets either
}

func filterItems(_ *pyval.Budget, v any, a *pyval.Args) (any, error) {
	d, ok := v.(*pyval.Dict)
	if !ok {
		return nil, fmt.Errorf("items: needs a dict, not %q", pyval.TypeName(v))
	}
	return pyval.NewGenerator("items", d.Items()), a.Done()
}

func filterDictSort(b *pyval.Budget, v any, a *pyval.Args) (any, error) {
	sensitive, by, reverse := a.BoolOr("case_sensitive", false), a.TextOr("by", "key"), a.BoolOr("reverse", false)
	if err := a.Done(); err != nil {
		return nil, err
	}
	d, ok := v.(*pyval.Dict)
	at := slices.Index([]string{"key", "value"}, by)
	if !ok || at < 0 {
		return nil, errors.New("dictsort: needs a dict, and by is key or value")
	}
	items := d.Items()
	err := pyval.Sort(b, items, func(it any) (any, error) {
		pair, err := pyval.Item(b, it, int64(at))
		return foldCase(pair, sensitive), err
	}, reverse)
	return pyval.NewList(items...), err
}

func filterAttr(_ *pyval.Budget, v any, a *pyval.Args) (any, error) {
	name := a.Text("name")
	if err := a.Done(); err != nil {
		return nil, err
	}
	if strings.HasPrefix(name, "__") {
		return nil, fmt.Errorf("the attribute %s is not allowed", name)
	}
	if _, isDict := v.(*pyval.Dict); isDict && !pyval.Has(v, name) {
		return pyval.Undefined{}, nil // keys are no attributes here
	}
	return pyval.Attr(v, name)
}

// lookup follows a path such as "a.b.0" from v; it may end undefined.
func lookup(b *pyval.Budget, v, path any) (any, error) {
	s, ok := path.(string)
	if !ok {
		return pyval.Item(b, v, path)
	}
	for part := range strings.SplitSeq(s, ".") {
		if strings.HasPrefix(part, "__") {
			return nil, fmt.Errorf("the attribute %s is not allowed", part)
		}
		key := any(part)
		if n, ok := pynum.ParseInt(part, 10); ok {
			key = n
		}
		var err error
		if v, err = pyval.Item(b, v, key); err != nil || pyval.IsUndefined(v) {
			return v, err
		}
	}
	return v, nil
}

func mustAttr(b *pyval.Budget, v, path any) (any, error) {
	got, err := lookup(b, v, path)
	if err == nil && pyval.IsUndefined(got) {
		err = fmt.Errorf("an element has no attribute %v", path)
	}
	return got, err
}

func filterGroupBy(b *pyval.Budget, v any, a *pyval.Args) (any, error) {
	attr, def, sensitive := a.Any("attribute"), a.AnyOr("default", pyval.Undefined{}), a.BoolOr("case_sensitive", false)
	items, err := elements(b, v, a)
	if err != nil {
		return nil, err
	}
	key := func(it any) (any, error) {
		got, err := lookup(b, it, attr)
		if err == nil && pyval.IsUndefined(got) {
			if got = def; pyval.IsUndefined(def) {
				err = fmt.Errorf("an element has no attribute %v", attr)
			}
		}
		return got, err
	}
	if err := pyval.Sort(b, items, func(it any) (any, error) {
		k, err := key(it)
		return foldCase(k, sensitive), err
	}, false); err != nil {
		return nil, err
	}
	out := pyval.NewList()
	var group *pyval.List
	var current any
	for _, it := range items {
		k, err := key(it)
		if err != nil {
			return nil, err
		}
		same := false
		if group != nil {
			if same, err = pyval.Equal(b, foldCase(k, sensitive), foldCase(current, sensitive)); err != nil {
				return nil, err
			}
		}
		if !same {
			group, current = pyval.NewList(), k
			out.Items = append(out.Items, pyval.Group{Key: k, List: group})
		}
		group.Items = append(group.Items, it)
	}
	return out, nil
}
