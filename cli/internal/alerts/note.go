package alerts

import (
	"context"
	"fmt"
	"strings"

	"github.com/dingdag/dingdag/api"
	"github.com/dingdag/dingdag/cli/internal/app"
)

// Counted is how many alerts are in each state, such as "17 delivered, 1 waiting"; empty for none.
func Counted(c api.AlertCounts) string {
	var all []string
	for _, s := range api.AlertStates() {
		if c[s] > 0 {
			all = append(all, fmt.Sprintf("%d %s", c[s], s))
		}
	}
	return strings.Join(all, ", ")
}

// Note names the alerts of a run, or of a task in it, on standard error if there are any.
func Note(ctx context.Context, a *app.App, ask *api.API, dagID, runID, taskID string) error {
	counts, err := ask.AlertsOf(ctx, dagID, runID, taskID)
	if err != nil || len(counts) == 0 {
		return err
	}
	words := []string{"alerts", "list", dagID, runID}
	if taskID != "" {
		words = append(words, "--task", taskID)
	}
	a.Notef("alerts: %s (%s)", Counted(counts), a.Command(words...))
	return nil
}
