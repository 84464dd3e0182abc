package access

import (
	"context"
	"slices"
)

// Only are the DAGs that whoever asks is limited to. The zero value is no limit.
type Only struct {
	limited bool
	ids     []string
}

// OnlyOf is the limit that visible says, which returns the DAGs that whoever asks may see, nil for every one. A nil visible is no
// limit.
func OnlyOf(ctx context.Context, visible func(context.Context) ([]string, error)) (Only, error) {
	if visible == nil {
		return Only{}, nil
	}
	ids, err := visible(ctx)
	return Only{ids != nil || err != nil, ids}, err
}

// Limited reports whether there is a limit.
func (o Only) Limited() bool { return o.limited }

// Has reports whether a DAG is within the limit. What belongs to no DAG, as the empty id says, or to several, is for those without
// one.
func (o Only) Has(dagID string) bool {
	return !o.limited || dagID != "" && slices.Contains(o.ids, dagID)
}

// All reports whether all of some DAGs are within the limit.
func (o Only) All(ids []string) bool {
	return !slices.ContainsFunc(ids, func(id string) bool { return !o.Has(id) })
}

// Within are those of some DAGs that are within the limit, for a filter: in it and in ids, nil stands for every DAG.
func (o Only) Within(ids []string) []string {
	switch {
	case !o.limited:
		return ids
	case ids == nil:
		return append([]string{}, o.ids...)
	}
	return slices.DeleteFunc(append([]string{}, ids...), func(id string) bool { return !o.Has(id) })
}
