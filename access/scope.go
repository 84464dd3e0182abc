package access

import (
	"slices"
	"strings"

	"github.com/dingdag/dingdag/phrase"
)

// DAG is what the right to a DAG depends on.
type DAG struct {
	ID           string
	Tags, Owners []string
}

// everything is the entry of a [Scope] for all DAGs.
const everything = "*"

// Scope is a set of DAGs, named by entries: * for all, tag:X, owner:Y, dag:ID. The zero Scope has none.
type Scope struct {
	// A DAG is in the scope when each part has an entry for it. Without parts none is.
	parts [][]string
}

// AllDAGs is the scope of all.
func AllDAGs() Scope { return Scope{[][]string{{everything}}} }

// ParseScope reads the entries of a scope. A DAG that one of them names is in it.
func ParseScope(entries ...string) (Scope, error) {
	if len(entries) == 0 {
		return Scope{}, nil
	}
	for _, e := range entries {
		kind, value, ok := strings.Cut(e, ":")
		switch {
		case e == everything:
			return AllDAGs(), nil
		case !ok || value == "" || strings.TrimSpace(value) != value:
			return Scope{}, phrase.Err("scope.none", e)
		case kind != "tag" && kind != "owner" && kind != "dag":
			return Scope{}, phrase.Err("scope.kind", e, kind)
		}
	}
	part := slices.Clone(entries)
	slices.Sort(part)
	return Scope{[][]string{slices.Compact(part)}}, nil
}

// And is what two scopes have in common.
func (s Scope) And(o Scope) Scope {
	switch {
	case len(s.parts) == 0 || len(o.parts) == 0:
		return Scope{}
	case s.All():
		return o
	case o.All():
		return s
	default:
		return Scope{slices.Concat(s.parts, o.parts)}
	}
}

// All reports whether every DAG is in the scope.
func (s Scope) All() bool {
	return len(s.parts) == 1 && s.parts[0][0] == everything
}

// Covers reports whether a DAG is in the scope.
func (s Scope) Covers(d DAG) bool {
	for _, part := range s.parts {
		if !slices.ContainsFunc(part, d.is) {
			return false
		}
	}
	return len(s.parts) > 0
}

// is reports whether an entry names the DAG.
func (d DAG) is(entry string) bool {
	kind, value, _ := strings.Cut(entry, ":")
	switch kind {
	case everything:
		return true
	case "dag":
		return d.ID == value
	case "tag":
		return slices.Contains(d.Tags, value)
	case "owner":
		return slices.Contains(d.Owners, value)
	default:
		return false
	}
}

// Entries are those of a scope that was read; of one made by And, those of both.
func (s Scope) Entries() []string { return slices.Concat(s.parts...) }

// String is the scope as people write it: entries by commas, parts by "and".
func (s Scope) String() string {
	texts := make([]string, 0, len(s.parts))
	for _, part := range s.parts {
		texts = append(texts, strings.Join(part, ","))
	}
	if len(texts) == 0 {
		return "none"
	}
	return strings.Join(texts, " and ")
}
