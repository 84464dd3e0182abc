package template

import (
	"fmt"
	"strings"

	"github.com/dingdag/dingdag/template/internal/pyval"
)

// filterFunc is a filter: v is what is filtered.
type filterFunc func(r *render, v any, a *pyval.Args) (any, error)

// filter applies a filter by name.
func (r *render) filter(name string, v any, a *pyval.Args) (any, error) {
	f := r.env.filters[name]
	if f == nil {
		return nil, fmt.Errorf("unknown filter %q", name)
	}
	return f(r, v, a)
}

// addedFilter makes a filter of a function of the embedding program.
func addedFilter(name string, f Func) filterFunc {
	return func(r *render, v any, a *pyval.Args) (any, error) {
		return callFunc(f, r.budget, pyval.Prepend(name, v, a))
	}
}

var filters = map[string]filterFunc{
	// Airflow's own.
	"ds":                timeFilter("%Y-%m-%d"),
	"ds_nodash":         timeFilter("%Y%m%d"),
	"ts":                filterTS,
	"ts_nodash":         timeFilter("%Y%m%dT%H%M%S"),
	"ts_nodash_with_tz": filterTSNoDashWithTZ,

	// Text.
	"upper":       markupFilter(pyval.Upper),
	"lower":       markupFilter(pyval.Lower),
	"capitalize":  markupFilter(pyval.Capitalize),
	"title":       textFilter(titleWords),
	"escape":      filterEscape,
	"e":           filterEscape,
	"forceescape": filterForceEscape,
	"safe":        filterSafe,
	"string":      markupFilter(func(s string) string { return s }),
	"striptags":   textFilter(stripTags),
	"wordcount":   filterWordCount,
	"trim":        filterTrim,
	"replace":     filterReplace,
	"truncate":    filterTruncate,
	"indent":      filterIndent,
	"center":      filterCenter,
	"wordwrap":    filterWordWrap,
	"format":      filterFormat,
	"urlencode":   filterURLEncode,

	// Numbers and conversion.
	"abs":            filterAbs,
	"int":            filterInt,
	"float":          filterFloat,
	"round":          filterRound,
	"filesizeformat": filterFileSize,
	"default":        filterDefault,
	"d":              filterDefault,
	"tojson":         filterToJSON,
	"pprint":         filterPretty,

	// Sequences and dicts.
	"length":     filterLength,
	"count":      filterLength,
	"list":       filterList,
	"first":      filterFirst,
	"last":       filterLast,
	"join":       filterJoin,
	"reverse":    filterReverse,
	"sort":       filterSort,
	"unique":     filterUnique,
	"min":        extreme(-1),
	"max":        extreme(1),
	"sum":        filterSum,
	"batch":      filterBatch,
	"slice":      filterSlice,
	"random":     filterRandom,
	"items":      filterItems,
	"dictsort":   filterDictSort,
	"attr":       filterAttr,
	"map":        filterMap,
	"select":     selecting("select", false, true),
	"reject":     selecting("reject", false, false),
	"selectattr": selecting("selectattr", true, true),
	"rejectattr": selecting("rejectattr", true, false),
	"groupby":    filterGroupBy,
}

// timeFilter formats a datetime; None stays None.
func timeFilter(format string) filterFunc {
	return func(_ *render, v any, a *pyval.Args) (any, error) {
		if err := a.Done(); err != nil || v == nil {
			return nil, err
		}
		switch t := v.(type) {
		case pyval.DateTime:
			return t.Format(format)
		case pyval.Date:
			return pyval.Strftime(t.Time(), true, format)
		}
		return nil, fmt.Errorf("needs a datetime, not %q", pyval.TypeName(v))
	}
}

func filterTS(_ *render, v any, a *pyval.Args) (any, error) {
	if err := a.Done(); err != nil || v == nil {
		return nil, err
	}
	t, ok := v.(pyval.DateTime)
	if !ok {
		return nil, fmt.Errorf("needs a datetime, not %q", pyval.TypeName(v))
	}
	return t.ISO("T"), nil
}

// filterTSNoDashWithTZ drops every dash, that of an offset west of Greenwich too, as Airflow does.
func filterTSNoDashWithTZ(r *render, v any, a *pyval.Args) (any, error) {
	iso, err := filterTS(r, v, a)
	if text, ok := iso.(string); ok {
		return noDashes.Replace(text), err
	}
	return iso, err
}

var noDashes = strings.NewReplacer("-", "", ":", "")
