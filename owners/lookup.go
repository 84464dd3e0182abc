package owners

import (
	"context"
	"time"

	"github.com/dingdag/dingdag/connections"
)

// Lookup finds the people of an owner where somebody else keeps them.
type Lookup interface {
	// Kind is the word that the setting has for it, such as sql.
	Kind() string
	// Key tells look-ups apart: one that asks something else has another key.
	Key() string
	// Look asks. It may take as long as ctx lets it. That there is nobody is no error.
	Look(ctx context.Context, from connections.Source, now func() time.Time) (People, error)
}
