package receiving

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"

	"github.com/dingdag/dingdag/chat"
	"github.com/dingdag/dingdag/chat/roles"
	"github.com/dingdag/dingdag/cli/internal/settings"
	"github.com/dingdag/dingdag/connections"
)

// census compares the people of the settings with the applications that receive: a userid is somebody else in each
// organisation.
type census struct {
	lists []settings.Names
	conns connections.Source
	log   *slog.Logger
	// said is what was logged last.
	said []string
}

// look logs what is doubtful, once for as long as it is.
func (c *census) look(ctx context.Context, apps []chat.App) {
	now := c.doubts(ctx, apps)
	for _, text := range now {
		if !slices.Contains(c.said, text) {
			c.log.Warn("settings", "problem", text)
		}
	}
	c.said = now
}

// doubts are entries that count for several applications, and those of connections that are not there.
func (c *census) doubts(ctx context.Context, apps []chat.App) (out []string) {
	var keys, ids []string
	for _, a := range apps {
		if !slices.Contains(keys, a.Key) {
			keys, ids = append(keys, a.Key), append(ids, a.ConnID)
		}
	}
	for _, l := range c.lists {
		var everywhere []string
		for _, entry := range l.All {
			e := roles.ParseEntry(entry)
			if e.ConnID == "" {
				everywhere = append(everywhere, entry)
				continue
			}
			if _, err := c.conns.Connection(ctx, e.ConnID); errors.Is(err, connections.ErrNotFound) {
				out = append(out, fmt.Sprintf("%s: %q counts for nobody: there is no connection %s", l.From, entry, e.ConnID))
			}
		}
		if len(everywhere) > 0 && len(ids) > 1 {
			out = append(out, fmt.Sprintf("%s: %s counts for each of the applications of %s; if they belong to different organisations, that is somebody else in each: write %s:%s to mean one",
				l.From, strings.Join(everywhere, ", "), strings.Join(ids, ", "), ids[0], everywhere[0]))
		}
	}
	return out
}
