// Package filters holds the filters and tests of Jinja, and the filters that Airflow adds.
package filters

import (
	"fmt"
	"maps"
	"strings"

	"github.com/dingdag/dingdag/template/internal/lang"
	"github.com/dingdag/dingdag/template/internal/pytext"
	"github.com/dingdag/dingdag/template/internal/pytime"
	"github.com/dingdag/dingdag/template/internal/pyval"
)

// All are the filters and tests that templates have: those of Jinja and Airflow, and the
// filters that are added. An added one takes the place of another.
func All(added map[string]lang.Filter) (map[string]lang.Filter, map[string]lang.Test) {
	all, checks := maps.Clone(filters), maps.Clone(tests)
	all["map"] = mapping(all)
	maps.Copy(all, added)
	checks["filter"] = isNameOf(all)
	checks["test"] = isNameOf(checks)
	return all, checks
}

var filters = map[string]lang.Filter{
	// Airflow's own.
	"ds":                timeFilter("%Y-%m-%d"),
	"ds_nodash":         timeFilter("%Y%m%d"),
	"ts":                filterTS,
	"ts_nodash":         timeFilter("%Y%m%dT%H%M%S"),
	"ts_nodash_with_tz": filterTSNoDashWithTZ,

	// Text.
	"upper":       markupFilter(pytext.Upper),
	"lower":       markupFilter(pytext.Lower),
	"capitalize":  markupFilter(pytext.Capitalize),
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
	"select":     selecting("select", false, true),
	"reject":     selecting("reject", false, false),
	"selectattr": selecting("selectattr", true, true),
	"rejectattr": selecting("rejectattr", true, false),
	"groupby":    filterGroupBy,
}

// timeFilter formats a datetime; None stays None.
func timeFilter(format string) lang.Filter {
	return func(_ *pyval.Budget, v any, a *pyval.Args) (any, error) {
		if err := a.Done(); err != nil || v == nil {
			return nil, err
		}
		switch t := v.(type) {
		case pytime.DateTime:
			return t.Format(format)
		case pytime.Date:
			return pytime.Strftime(t.Time(), true, format)
		}
		return nil, fmt.Errorf("needs a datetime, not %q", pyval.TypeName(v))
	}
}

func filterTS(_ *pyval.Budget, v any, a *pyval.Args) (any, error) {
	if err := a.Done(); err != nil || v == nil {
		return nil, err
	}
	t, ok := v.(pytime.DateTime)
	if !ok {
		return nil, fmt.Errorf("needs a datetime, not %q", pyval.TypeName(v))
	}
	return t.ISO("T"), nil
}

// filterTSNoDashWithTZ drops every dash, that of an offset west of Greenwich too, as Airflow does.
func filterTSNoDashWithTZ(b *pyval.Budget, v any, a *pyval.Args) (any, error) {
	iso, err := filterTS(b, v, a)
	if text, ok := iso.(string); ok {
		return WithoutDashes(text), err
	}
	return iso, err
}

// WithoutDashes is a time in ISO form without dashes and colons.
func WithoutDashes(iso string) string { return noDashes.Replace(iso) }

var noDashes = strings.NewReplacer("-", "", ":", "")
