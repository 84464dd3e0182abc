package schedule_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/engine/schedule"
	"github.com/dingdag/dingdag/store"
)

func wrong(file, dagID, text string) dag.Diagnostic {
	return dag.Diagnostic{File: file, Line: 1, Column: 2, Severity: dag.Error, DAGID: dagID, Text: text}
}

func plain(text string) string { return text }

// What a load can't load is told from what is gone, and begins and ends a record of its file
// and one of each DAG that was known.
func TestImports(t *testing.T) {
	t.Parallel()
	known := map[string]*store.DAGState{
		"named": {ID: "named", File: "a.yaml", Active: true}, "whole": {ID: "whole", File: "b.yaml", Active: true},
		"gone": {ID: "gone", File: "c.yaml", Active: true}, "old": {ID: "old", File: "b.yaml"}, "fine": {ID: "fine", File: "a.yaml", Active: true},
	}
	loaded := map[string]*dag.DAG{"fine": {ID: "fine"}}
	at := time.Date(2026, 1, 2, 0, 0, 0, 0, time.UTC)
	warning := wrong("c.yaml", "", "careful")
	warning.Severity = dag.Warning
	b := schedule.FindBroken(dag.Diagnostics{
		wrong("a.yaml", "named", "one"), wrong("a.yaml", "named", "two"), wrong("a.yaml", "new", "three"), wrong("b.yaml", "", "secret"), warning,
	}, known, loaded, func(text string) string { return strings.ReplaceAll(text, "secret", "***") })
	for id, want := range map[string]bool{"named": true, "whole": true, "gone": false, "old": false, "fine": false, "new": false} {
		assert.Equal(t, want, b.DAG(id), id)
	}
	im := b.Record(nil, known, at)
	assert.Empty(t, im.Mended)
	assert.Empty(t, im.Changed)
	var got []string
	for _, i := range im.Fresh {
		assert.Equal(t, at, i.Since)
		got = append(got, i.File+" "+i.DAGID+" "+strings.ReplaceAll(i.Text, "\n", "|"))
	}
	assert.Equal(t, []string{
		`a.yaml  a.yaml:1:2: error: dag "named": one|a.yaml:1:2: error: dag "named": two|a.yaml:1:2: error: dag "new": three`,
		"b.yaml  b.yaml:1:2: error: ***",
		`a.yaml named a.yaml:1:2: error: dag "named": one|a.yaml:1:2: error: dag "named": two`,
		"b.yaml whole b.yaml:1:2: error: ***",
	}, got)
	assert.Equal(t, map[string]*store.ImportError{"named": im.Fresh[2], "whole": im.Fresh[3]}, im.DAGs)

	later := at.Add(time.Minute)
	b = schedule.FindBroken(dag.Diagnostics{wrong("a.yaml", "named", "one")}, known, loaded, plain)
	next := b.Record(im.Fresh, known, later)
	assert.Empty(t, next.Fresh)
	assert.Equal(t, []*store.ImportError{im.Fresh[0], im.Fresh[2]}, next.Changed)
	assert.Equal(t, []*store.ImportError{im.Fresh[1], im.Fresh[3]}, next.Mended)
	assert.Equal(t, later, im.Fresh[1].Until)
	assert.Equal(t, `a.yaml:1:2: error: dag "named": one`, im.Fresh[2].Text)
	assert.Equal(t, map[string]*store.ImportError{"named": im.Fresh[2]}, next.DAGs)

	same := b.Record(next.Changed, known, later)
	assert.Empty(t, same.Changed)
	assert.Empty(t, same.Mended)
	assert.Equal(t, next.DAGs, same.DAGs)
}

// A record keeps as many errors as have room, and always the first.
func TestImportsAreBounded(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 5000)
	b := schedule.FindBroken(dag.Diagnostics{wrong("a.yaml", "", long), wrong("a.yaml", "", "more")}, nil, nil, plain)
	im := b.Record(nil, nil, time.Time{})
	require.Len(t, im.Fresh, 1)
	assert.Equal(t, "a.yaml:1:2: error: "+long, im.Fresh[0].Text)
}

// The store hears of DAGs that are new, changed, back or gone, and of no others.
func TestCompareStates(t *testing.T) {
	t.Parallel()
	yes := true
	d := func(id string) *dag.DAG { return &dag.DAG{ID: id, Version: "v1", Pos: dag.Position{File: "a.yaml"}} }
	loaded := map[string]*dag.DAG{"new": d("new"), "same": d("same"), "version": d("version"), "moved": d("moved"), "back": d("back"), "assets": d("assets")}
	loaded["new"].IsPausedUponCreation = &yes
	known := map[string]*store.DAGState{}
	for _, id := range []string{"same", "version", "moved", "back", "assets", "gone", "long gone", "broken"} {
		known[id] = &store.DAGState{ID: id, File: "a.yaml", Version: "v1", Active: true}
	}
	known["version"].Version, known["moved"].File, known["back"].Active, known["assets"].Assets, known["long gone"].Active = "v0", "b.yaml", false, []string{"s3://x"}, false
	b := schedule.FindBroken(dag.Diagnostics{wrong("a.yaml", "broken", "one")}, known, loaded, plain)
	got := schedule.CompareStates(known, loaded, b, false)
	require.Len(t, got.New, 1)
	assert.Equal(t, "new", got.New[0].ID)
	assert.True(t, got.New[0].Paused)
	active := map[string]bool{}
	for _, s := range got.Changed {
		active[s.ID] = s.Active
	}
	assert.Equal(t, map[string]bool{"version": true, "moved": true, "back": true, "assets": true, "gone": false}, active)
	assert.True(t, known["gone"].Active, "the caller's states stay")
	assert.True(t, schedule.NewState(d("d"), true).Paused)
}
