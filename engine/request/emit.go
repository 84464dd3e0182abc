package request

import (
	"bytes"
	"encoding/json"
	"errors"

	"github.com/dingdag/dingdag/phrase"
	"github.com/dingdag/dingdag/store"
)

// Emit says that assets were updated though no task did it (Airflow, POST /assets/events and the
// events of asset watchers).
type Emit struct {
	// Updates are made all or none, in this order.
	Updates []AssetUpdate `json:"updates"`
	// Actor is who asks.
	Actor store.Actor `json:"actor,omitzero"`
	// DAGs are those that have to do with the assets, as far as who asks knows them.
	DAGs []string `json:"-"`
}

// AssetUpdate is one update of an asset.
type AssetUpdate struct {
	// URI is that of the asset, in its normal form.
	URI string `json:"uri"`
	// Extra is a JSON object that templates see, or nil.
	Extra json.RawMessage `json:"extra,omitempty"`
	// Watcher is the name of the watcher that made it, if one did.
	Watcher string `json:"watcher,omitempty"`
}

// Emitted are the events that were made because somebody asked for them.
type Emitted struct {
	Events []EmittedEvent `json:"asset_events"`
}

// EmittedEvent is one of them.
type EmittedEvent struct {
	ID  int64  `json:"id"`
	URI string `json:"uri"`
	// DAGs are those that wait for the asset and were told.
	DAGs []string `json:"told_dags"`
}

// CheckExtra returns the extra of an event: a JSON object as it was written, nil for none.
func CheckExtra(extra json.RawMessage) (json.RawMessage, error) {
	extra = bytes.TrimSpace(extra)
	if len(extra) == 0 || string(extra) == "null" || string(extra) == "{}" {
		return nil, nil
	}
	var object map[string]json.RawMessage
	if err := json.Unmarshal(extra, &object); err != nil {
		if _, syntax := errors.AsType[*json.SyntaxError](err); syntax {
			return nil, phrase.Err("extra.syntax", err)
		}
		return nil, phrase.Err("extra.object")
	}
	return extra, nil
}
