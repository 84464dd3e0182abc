package overview

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"github.com/dingdag/dingdag/api"
	"github.com/dingdag/dingdag/dag"
)

// Bars is how many of its newest runs a DAG shows in a list.
const Bars = 14

// Query selects DAGs. Zero fields select everything.
type Query struct {
	// Search is in the id or the description, in whatever case.
	Search string
	Tag    string
	Owner  string
	// Paused selects the paused ones, or the others.
	Paused *bool
	// LastState selects by the state of the newest run.
	LastState string
	// Among are the ids of the DAGs of which some are selected; nil is no condition.
	Among map[string]bool
	Scope Scope
	// Limit bounds how many there are; 0 is all. Offset passes over the first ones.
	Limit, Offset int
}

// Row is a DAG in a list.
type Row struct {
	api.DAG

	Description string
	Owners      []string
	// Runs are the newest ones, the oldest of them first.
	Runs []api.Run
}

// DAGs are those of the folder that match.
type DAGs struct {
	Rows []Row
	// Total is how many match on whatever page, All how many there are.
	Total, All int
	// Tags and Owners are those of all DAGs, sorted.
	Tags, Owners []string
	// Broken says that some files can't be loaded.
	Broken bool
}

// DAGs lists DAGs by id, with their newest runs.
func (o *Overview) DAGs(ctx context.Context, q Query) (*DAGs, error) {
	all, broken, err := o.o.Folder.DAGs()
	if err != nil {
		return nil, err
	}
	out, heads, ids := &DAGs{Broken: broken}, map[string]Head{}, []string{}
	for _, d := range all {
		h := headOf(d)
		if !q.Scope.has(&h) {
			continue
		}
		out.All++
		out.Tags, out.Owners = append(out.Tags, h.Tags...), append(out.Owners, h.Owners...)
		if q.matches(&h) {
			heads[h.ID] = h
			ids = append(ids, h.ID)
		}
	}
	out.Tags, out.Owners = distinct(out.Tags), distinct(out.Owners)
	if len(ids) == 0 {
		return out, nil
	}
	ask := api.DAGQuery{Paused: q.Paused, LastState: dag.RunState(q.LastState), Page: api.Page{Limit: q.Limit, Offset: q.Offset, Count: true}}
	if len(ids) < len(all) {
		ask.IDs = ids
	}
	l, _, err := o.o.API.DAGs(ctx, ask)
	if err != nil {
		return nil, err
	}
	out.Total = l.Total
	ran := []string{}
	for _, d := range l.Items {
		if d.LastRunID != "" {
			ran = append(ran, d.DAGID)
		}
	}
	runs, err := o.o.API.RecentRuns(ctx, Bars, ran...)
	if err != nil {
		return nil, err
	}
	for _, d := range l.Items {
		slices.Reverse(runs[d.DAGID])
		out.Rows = append(out.Rows, Row{DAG: d, Description: heads[d.DAGID].Description, Owners: heads[d.DAGID].Owners, Runs: runs[d.DAGID]})
	}
	return out, nil
}

// matches reports whether the query means a DAG by what its file says.
func (q *Query) matches(h *Head) bool {
	switch {
	case q.Tag != "" && !slices.Contains(h.Tags, q.Tag):
		return false
	case q.Among != nil && !q.Among[h.ID]:
		return false
	case q.Owner != "" && !slices.Contains(h.Owners, q.Owner):
		return false
	}
	word := strings.ToLower(strings.TrimSpace(q.Search))
	return word == "" || strings.Contains(strings.ToLower(h.ID), word) || strings.Contains(strings.ToLower(h.Description), word)
}

func distinct(words []string) []string {
	slices.SortFunc(words, func(a, b string) int {
		return cmp.Or(strings.Compare(strings.ToLower(a), strings.ToLower(b)), strings.Compare(a, b))
	})
	return slices.Compact(words)
}

// UnknownState reports whether a word is no state of a run.
func UnknownState(word string) bool {
	return word != "" && !slices.Contains(api.RunStates(), dag.RunState(word))
}
