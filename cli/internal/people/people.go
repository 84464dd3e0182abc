// Package people has the command that shows who the owners of tasks are.
package people

import (
	"context"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/dingdag/dingdag/cli/internal/app"
	"github.com/dingdag/dingdag/cli/internal/command"
	"github.com/dingdag/dingdag/cli/internal/show"
	"github.com/dingdag/dingdag/owners"
)

// New makes the command owners.
func New(a *app.App) *cobra.Command {
	cmd := &cobra.Command{
		Use: "owners", Short: "Show the people behind the owners of tasks, whom alerts notify",
		Example: "  dingdag owners list\n  dingdag owners list --refresh",
	}
	cmd.AddCommand(newCmdList(a))
	return cmd
}

// flags are those of the list as they were written.
type flags struct {
	mobiles, refresh bool
	output           string
}

func newCmdList(a *app.App) *cobra.Command {
	var f flags
	cmd := &cobra.Command{
		Use: "list", Short: "List the owners of the setting owners, with their people",
		Long: `Lists the owners that the setting owners has, and who they are: what the setting says, and
what the last look-up found. Of mobile numbers only the last four digits are shown. With
--refresh everybody is looked up now; otherwise standalone does that every 5 minutes.`,
		Example: "  dingdag owners list\n  dingdag owners list --refresh --show-mobiles -o json", Args: command.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return runList(cmd.Context(), a, f) },
	}
	cmd.Flags().BoolVar(&f.mobiles, "show-mobiles", false, "show mobile numbers in full")
	cmd.Flags().BoolVar(&f.refresh, "refresh", false, "look everybody up now, and keep the answers")
	show.OutputFlag(cmd, &f.output)
	return cmd
}

// row is an owner as JSON.
type row struct {
	Owner string `json:"owner"`
	// From is setting, or how more people are looked up: directory, sql or sheet.
	From    string   `json:"from"`
	Mobiles []string `json:"mobiles"`
	UserIDs []string `json:"user_ids"`
	Emails  []string `json:"emails"`
	// LookedUpAt is when a look-up succeeded last, FailedSince since when it fails.
	LookedUpAt  *time.Time `json:"looked_up_at,omitempty"`
	FailedSince *time.Time `json:"failed_since,omitempty"`
	Error       string     `json:"error,omitempty"`
	File        string     `json:"file"`
	Line        int        `json:"line"`
}

func runList(ctx context.Context, a *app.App, f flags) error {
	if err := show.CheckOutput(f.output); err != nil {
		return err
	}
	b, err := known(ctx, a, f.refresh)
	if err != nil {
		return err
	}
	l := show.List{
		Columns: []string{"Owner", "From", "Mobiles", "User IDs", "Mail", "Looked up", "Problem"}, Wrap: []string{"Mobiles", "User IDs", "Mail", "Problem"},
		Drop: []string{"Mail", "From"},
	}
	for _, e := range b.Entries() {
		r := rowOf(b, e, f.mobiles)
		problem := b.Of(e.Name).Problem
		if r.Error != "" {
			problem += ": " + r.Error
		}
		at, _ := b.Answer(e.Name)
		l.Add(r, r.Owner, r.From, strings.Join(r.Mobiles, ", "), strings.Join(r.UserIDs, ", "), strings.Join(r.Emails, ", "), a.Date(at.At), problem)
	}
	l.Zone = a.ShowZone()
	if err := l.Print(a.Out, f.output); err != nil {
		return err
	}
	if l.Len() == 0 {
		a.Notef("the setting owners names nobody: alerts notify no owners")
	}
	return nil
}

// known is the setting with what is known from looking up.
func known(ctx context.Context, a *app.App, refresh bool) (*owners.Book, error) {
	b, err := a.Owners()
	if err != nil {
		return nil, err
	}
	if !refresh {
		if _, err := a.Connections(ctx); err != nil { // opens the store if there is one
			return nil, err
		}
		return b, a.KnowOwners(ctx)
	}
	s, err := a.OpenStore(ctx)
	if err != nil {
		return nil, err
	}
	k, err := a.OwnerKeeper(s)
	if err != nil {
		return nil, err
	}
	if err := k.Restore(ctx); err != nil {
		return nil, err
	}
	k.Refresh(ctx)
	return b, ctx.Err()
}

func rowOf(b *owners.Book, e *owners.Entry, mobiles bool) row {
	who := b.Of(e.Name)
	r := row{
		Owner: e.Name, From: "setting", Mobiles: []string{}, UserIDs: owners.Union([]string{}, who.UserIDs), Emails: owners.Union([]string{}, who.Emails),
		File: e.Pos.File, Line: e.Pos.Line,
	}
	for _, m := range who.Mobiles {
		if !mobiles {
			m = hidden(m)
		}
		r.Mobiles = append(r.Mobiles, m)
	}
	if e.Lookup == nil {
		return r
	}
	r.From = e.Lookup.Kind()
	if a, ok := b.Answer(e.Name); ok {
		r.LookedUpAt, r.FailedSince, r.Error = moment(a.At), moment(a.FailedSince), a.Error
	}
	return r
}

// hidden is a mobile number of which the last four digits are left.
func hidden(mobile string) string {
	const left = 4
	if len(mobile) <= left {
		return "***"
	}
	return "*******" + mobile[len(mobile)-left:]
}

func moment(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}
