package template

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/dingdag/dingdag/template/internal/pyconv"
	"github.com/dingdag/dingdag/template/internal/pyval"
)

// AssetInfo is what a template sees of an asset: uri, name, group and extra.
type AssetInfo struct {
	URI, Name, Group string
	// Extra is a map, or a value with a method All() iter.Seq2[string, any].
	Extra any
}

// AssetEventInfo is what a template sees of one update of an asset.
type AssetEventInfo struct {
	URI       string
	Timestamp time.Time
	// SourceMapIndex is -1 for an unmapped task.
	SourceDAGID, SourceTaskID, SourceRunID string
	SourceMapIndex                         int
	// Extra is a JSON object, or nil.
	Extra json.RawMessage
}

func assetList(name string, list []AssetInfo) (any, error) {
	items := make([]any, len(list))
	for i, a := range list {
		extra, err := fromGo(name+".extra", mapOrEmpty(a.Extra))
		if err != nil {
			return nil, err
		}
		items[i] = &pyval.Module{Name: "Asset", Values: map[string]any{"uri": a.URI, "name": a.Name, "group": a.Group, "extra": extra}}
	}
	return pyval.NewList(items...), nil
}

// triggeringAssetEvents is a dict from the URI of each asset to the list of its updates.
func (r *render) triggeringAssetEvents() (any, error) {
	byURI := pyval.NewDict()
	if r.ctx.TriggeringAssetEvents == nil {
		return byURI, nil
	}
	events, err := r.ctx.TriggeringAssetEvents()
	if err != nil {
		return nil, err
	}
	lists := map[string]*pyval.List{}
	for _, e := range events {
		if lists[e.URI] == nil {
			lists[e.URI] = pyval.NewList()
			byURI.SetText(e.URI, lists[e.URI])
		}
		extra, err := eventExtra(e.Extra)
		if err != nil {
			return nil, err
		}
		lists[e.URI].Items = append(lists[e.URI].Items, &pyval.Module{Name: "AssetEvent", Values: map[string]any{
			"uri":              e.URI,
			"timestamp":        r.date(&e.Timestamp),
			"source_dag_id":    textOrNone(e.SourceDAGID),
			"source_task_id":   textOrNone(e.SourceTaskID),
			"source_run_id":    textOrNone(e.SourceRunID),
			"source_map_index": int64(e.SourceMapIndex),
			"extra":            extra,
		}})
	}
	return byURI, nil
}

func eventExtra(extra json.RawMessage) (any, error) {
	if len(extra) == 0 {
		return pyval.NewDict(), nil
	}
	v, err := pyconv.FromJSON(extra)
	if err != nil {
		return nil, fmt.Errorf("extra of an asset event: %w", err)
	}
	return v, nil
}

// textOrNone is None for an id that there is not.
func textOrNone(s string) any {
	if s == "" {
		return nil
	}
	return s
}
