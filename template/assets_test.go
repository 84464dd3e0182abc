package template_test

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/template"
)

func TestAssetVariables(t *testing.T) {
	t.Parallel()
	c := fullContext()
	c.Outlets = []template.AssetInfo{{URI: "s3://x", Name: "x", Group: "asset", Extra: map[string]any{"k": 1}}}
	asked := 0
	c.TriggeringAssetEvents = func() ([]template.AssetEventInfo, error) {
		asked++
		at := time.Date(2026, 1, 31, 9, 0, 0, 0, time.UTC)
		return []template.AssetEventInfo{
			{URI: "s3://b", Timestamp: at, SourceDAGID: "d", SourceTaskID: "t", SourceRunID: "r", SourceMapIndex: 2},
			{URI: "s3://a", Timestamp: at, SourceDAGID: "d", SourceMapIndex: -1, Extra: []byte(`{"n": {"x": [1, 2.5]}}`)},
			{URI: "s3://b", Timestamp: at.Add(time.Hour), SourceDAGID: "e", SourceMapIndex: -1},
		}, nil
	}
	for src, want := range map[string]string{
		"{{ outlets[0].uri }} {{ outlets[0].name }} {{ outlets[0].group }} {{ outlets[0].extra.k }}": "s3://x x asset 1",
		"{{ inlets }}": "[]",
		"{% set e = triggering_asset_events['s3://a'][0] %}{{ e.extra.n.x[1] }} {{ e.source_task_id is none }} {{ e.source_run_id }}": "2.5 True None",
		"{{ triggering_asset_events['s3://b'][0].extra }}":                                                                                          "{}",
		"{% for uri, events in triggering_asset_events.items() %}{{ uri }}={{ events | length }} {% endfor %}":                                      "s3://b=2 s3://a=1 ",
		"{{ (triggering_asset_events.values() | first | last).source_dag_id }}":                                                                     "e",
		"{% set e = triggering_asset_events['s3://b'][0] %}{{ e.timestamp }} {{ e.source_task_id }} {{ e.source_run_id }} {{ e.source_map_index }}": "2026-01-31 09:00:00+00:00 t r 2",
	} {
		got, err := newEnv().Render(src, c)
		require.NoError(t, err, src)
		assert.Equal(t, want, got)
	}
	assert.Equal(t, 5, asked, "only when a template asks")

	_, err := newEnv().Render("{{ triggering_dataset_events }}", c)
	require.ErrorContains(t, err, "use triggering_asset_events")
	c.TriggeringAssetEvents = func() ([]template.AssetEventInfo, error) { return nil, errors.New("the store is away") }
	_, err = newEnv().Render("{{ triggering_asset_events }}", c)
	require.ErrorContains(t, err, "the store is away")
	c.TriggeringAssetEvents = nil
	got, err := newEnv().Render("{{ triggering_asset_events }}", c)
	require.NoError(t, err)
	assert.Equal(t, "{}", got, "a run that no asset triggered")
}
