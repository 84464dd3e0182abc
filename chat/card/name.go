package card

import (
	"context"
	"time"
)

const (
	// nameFor is how long a name is taken for true, and namelessFor how long nobody asks for one that could not be looked up.
	nameFor, namelessFor = time.Hour, 10 * time.Minute
	// nameWait is how long a card waits for a name.
	nameWait = 2 * time.Second
)

// named is a name until a moment, empty for none.
type named struct {
	name  string
	until time.Time
}

// Name is what a card calls a person now, see [Options].
func (k *Keeper) Name(ctx context.Context, connID, userID string) string {
	return k.name(ctx, connID, userID, k.o.Clock())
}

// name is what a card calls a person: his name, or the userid where that cannot be looked up. The application may not
// have the right to ask.
func (k *Keeper) name(ctx context.Context, connID, userID string, now time.Time) string {
	if k.o.Name == nil || userID == "" {
		return userID
	}
	key := [2]string{connID, userID}
	k.mu.Lock()
	known, ok := k.names[key]
	k.mu.Unlock()
	if !ok || !now.Before(known.until) {
		asking, stop := context.WithTimeout(ctx, nameWait)
		defer stop()
		name, err := k.o.Name(asking, connID, userID)
		switch {
		case err == nil:
			known = named{name, now.Add(nameFor)}
		case ctx.Err() != nil:
			return userID
		default: // the name that was known before is as good as ever
			known.until = now.Add(namelessFor)
			k.o.Log.Debug("a name for a card could not be looked up", "conn_id", connID, "user", userID, "error", k.o.Masker.Mask(err.Error()))
		}
		k.mu.Lock()
		k.names[key] = known
		k.mu.Unlock()
	}
	if known.name == "" {
		return userID
	}
	return known.name
}
