package app

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/dingdag/dingdag/connections"
	"github.com/dingdag/dingdag/yamlvalue"
)

// ExtraNotes says what is likely to be a mistake in the extra of a connection: keys that are like known ones, and
// robots that do not exist.
func (a *App) ExtraNotes(ctx context.Context, src connections.Source, c *connections.Connection) []string {
	notes := c.Misspelt()
	extra, err := c.ExtraMap()
	if err != nil || c.Type != "dingding" && c.Type != "dingtalk" {
		return notes
	}
	robots, err := connections.ExtraTexts(extra, "robots")
	if err != nil {
		return notes // whoever uses it is told
	}
	for _, id := range robots {
		if _, err := src.Connection(ctx, id); errors.Is(err, connections.ErrNotFound) {
			note := fmt.Sprintf("connection %s: extra.robots names %s: %s", c.ID, id, err)
			if ids, err := a.ConnectionIDs(ctx); err == nil {
				note += yamlvalue.DidYouMean(id, slices.Values(ids))
			}
			notes = append(notes, note)
		}
	}
	return notes
}
