package credentials

import (
	"context"

	"github.com/dingdag/dingdag/cli/internal/app"
	"github.com/dingdag/dingdag/cli/internal/command"
	"github.com/dingdag/dingdag/connections"
)

// checkExtras refuses connections as [app.App.CheckExtras] does, and says what else it found.
func checkExtras(ctx context.Context, a *app.App, all ...*connections.Connection) error {
	notes, wrong, err := a.CheckExtras(ctx, all...)
	for _, note := range notes {
		a.Notef("%s", note)
	}
	if wrong != nil {
		return command.UsageError{Err: wrong}
	}
	return err
}
