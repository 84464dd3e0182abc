package filters

import (
	"errors"
	"fmt"
	"math"
	"strings"

	"github.com/dingdag/dingdag/template/internal/pyconv"
	"github.com/dingdag/dingdag/template/internal/pynum"
	"github.com/dingdag/dingdag/template/internal/pytime"
	"github.com/dingdag/dingdag/template/internal/pyval"
)

func filterAbs(b *pyval.Budget, v any, a *pyval.Args) (any, error) {
	if err := a.Done(); err != nil {
		return nil, err
	}
	if d, ok := v.(pytime.Delta); ok {
		return pytime.NewDelta(d.Duration().Abs()), nil
	}
	if isTrue, ok := v.(bool); ok {
		return pyval.Binary(b, "+", isTrue, int64(0))
	}
	negative, err := pyval.Compare(b, "<", v, int64(0))
	if err != nil || !negative {
		return v, err
	}
	return pyval.Negate(v)
}

func filterInt(_ *pyval.Budget, v any, a *pyval.Args) (any, error) {
	def, base := a.AnyOr("default", int64(0)), a.IntOr("base", 10)
	if err := a.Done(); err != nil {
		return nil, err
	}
	if base < 2 || base > 36 {
		return nil, errors.New("int: the base is between 2 and 36")
	}
	if s, ok := v.(string); ok {
		if n, ok := pynum.ParseInt(s, base); ok {
			return n, nil
		}
		f, ok := pynum.ParseFloat(s)
		if !ok {
			return def, nil
		}
		v = f
	}
	n, ok := pyval.Truncate(v)
	if !ok {
		return def, nil
	}
	return n, nil
}

func filterFloat(_ *pyval.Budget, v any, a *pyval.Args) (any, error) {
	def := a.AnyOr("default", 0.0)
	if err := a.Done(); err != nil {
		return nil, err
	}
	f, ok := pyval.ToFloat(v)
	if s, isText := v.(string); isText {
		f, ok = pynum.ParseFloat(s)
	}
	if !ok {
		return def, nil
	}
	return f, nil
}

func filterRound(_ *pyval.Budget, v any, a *pyval.Args) (any, error) {
	digits, method := a.IntOr("precision", 0), a.TextOr("method", "common")
	if err := a.Done(); err != nil {
		return nil, err
	}
	f, ok := pyval.ToFloat(v)
	if !ok || digits > 300 || digits < -300 {
		return nil, fmt.Errorf("round: needs a number, not %q", pyval.TypeName(v))
	}
	unit := math.Pow(10, float64(digits))
	switch method {
	case "common":
		return pyval.Round(v, digits)
	case "ceil":
		return math.Ceil(f*unit) / unit, nil
	case "floor":
		return math.Floor(f*unit) / unit, nil
	}
	return nil, fmt.Errorf("round: the method is common, ceil or floor, not %q", method)
}

func filterFileSize(_ *pyval.Budget, v any, a *pyval.Args) (any, error) {
	binary := a.BoolOr("binary", false)
	if err := a.Done(); err != nil {
		return nil, err
	}
	size, ok := pyval.ToFloat(v)
	if s, isText := v.(string); isText {
		size, ok = pynum.ParseFloat(s)
	}
	if !ok {
		return nil, fmt.Errorf("filesizeformat: needs a number, not %q", pyval.TypeName(v))
	}
	base, mid := 1000.0, ""
	if binary {
		base, mid = 1024, "i"
	}
	switch {
	case size == 1:
		return "1 Byte", nil
	case size < base:
		return fmt.Sprintf("%d Bytes", int64(size)), nil
	}
	letters := "kMGTPEZY"
	if binary {
		letters = "KMGTPEZY"
	}
	i := 0
	for size /= base; size >= base && i < len(letters)-1; i++ {
		size /= base
	}
	return fmt.Sprintf("%.1f %c%sB", size, letters[i], mid), nil
}

func filterDefault(_ *pyval.Budget, v any, a *pyval.Args) (any, error) {
	def, boolean := a.AnyOr("default_value", ""), a.BoolOr("boolean", false)
	if err := a.Done(); err != nil {
		return nil, err
	}
	if pyval.IsUndefined(v) || boolean && !pyval.Truth(v) {
		return def, nil
	}
	return v, nil
}

func filterToJSON(b *pyval.Budget, v any, a *pyval.Args) (any, error) {
	width := a.IntOr("indent", -1)
	if err := a.Done(); err != nil {
		return nil, err
	}
	if width > 100 {
		return nil, errors.New("tojson: the indent is too large")
	}
	o := pyconv.JSONOptions{SortKeys: true, ASCII: true, Lines: width >= 0, Indent: strings.Repeat(" ", max(width, 0))}
	s, err := pyconv.ToJSON(b, v, o)
	return pyval.Markup(jsonForHTML.Replace(s)), err
}

// jsonForHTML escapes as Jinja does, so that the text can stand in HTML.
var jsonForHTML = strings.NewReplacer("<", `\u003c`, ">", `\u003e`, "&", `\u0026`, "'", `\u0027`)

func filterPretty(b *pyval.Budget, v any, a *pyval.Args) (any, error) {
	if err := a.Done(); err != nil {
		return nil, err
	}
	return pyconv.PrettyPrint(b, v)
}
