package upkeep

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/dingdag/dingdag/cli/internal/app"
	"github.com/dingdag/dingdag/cli/internal/command"
	"github.com/dingdag/dingdag/cli/internal/show"
	"github.com/dingdag/dingdag/store/postgres"
	"github.com/dingdag/dingdag/store/sqlite"
	"github.com/dingdag/dingdag/store/sqlstore/sqlcheck"
	"github.com/dingdag/dingdag/store/sqlstore/sqlmigrate"
)

// planOf reads what bringing the tables of the store up to date would do. Of a store that is not there it is nil.
func planOf(ctx context.Context, a *app.App) (*sqlcheck.Plan, error) {
	if _, err := a.ReadSettings(); err != nil {
		return nil, err
	}
	if a.Shared() {
		p, err := postgres.Plan(ctx, a.Settings.DatabaseURL)
		if err != nil {
			return nil, fmt.Errorf("setting database_url: %w", err)
		}
		return p, nil
	}
	p, err := sqlite.Plan(ctx, a.StorePath(), a.Clock)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return p, err
}

func newMigrate(a *app.App) *cobra.Command {
	return &cobra.Command{
		Use: "migrate", Short: "Bring the tables of the store up to date",
		Long: `Makes the tables of the store, or brings them up to date, and says from which version to which.
Whatever uses the store does the same before anything else. It is refused while an older program
is at work that could not go on beside it: dingdag db upgrade-plan says so beforehand.`,
		Example: "  dingdag db migrate",
		Args:    command.NoArgs,
		RunE:    func(cmd *cobra.Command, _ []string) error { return migrate(cmd.Context(), a) },
	}
}

func migrate(ctx context.Context, a *app.App) error {
	before, err := planOf(ctx, a)
	if err != nil {
		return err
	}
	if _, err := a.OpenStore(ctx); err != nil {
		return err
	}
	after, err := planOf(ctx, a)
	if err != nil {
		return err
	}
	switch {
	case after == nil:
		return errors.New("the store is gone again")
	case after.Behind():
		return errors.New("the store can only be read")
	case before == nil || before.Version == 0:
		fmt.Fprintf(a.Out, "made the tables of %s, version %d\n", a.Place(), after.Version)
	case !before.Behind():
		fmt.Fprintf(a.Out, "the tables of %s are up to date, version %d\n", a.Place(), after.Version)
	default:
		fmt.Fprintf(a.Out, "brought the tables of %s from version %d to %d: %s\n", a.Place(), before.Version, after.Version, strings.Join(namesOf(before), ", "))
	}
	return nil
}

// namesOf are the migrations that are pending.
func namesOf(p *sqlcheck.Plan) (names []string) {
	for _, m := range p.Pending {
		names = append(names, m.Name)
	}
	for _, v := range p.JobsPending {
		names = append(names, "job tables "+strconv.FormatInt(v, 10))
	}
	return names
}

func newUpgradePlan(a *app.App) *cobra.Command {
	var output string
	cmd := &cobra.Command{
		Use: "upgrade-plan", Short: "Show what this program would change in the tables of the store",
		Long: `Lists the migrations that this program would make in the tables of the store, what each does to
which table, and about how many rows that has; whether an older program may go on meanwhile, and
who is at work. It changes nothing: run it with the new program before an upgrade.`,
		Example: "  dingdag db upgrade-plan\n  dingdag db upgrade-plan -o json",
		Args:    command.NoArgs,
		RunE:    func(cmd *cobra.Command, _ []string) error { return upgradePlan(cmd.Context(), a, output) },
	}
	show.OutputFlag(cmd, &output)
	return cmd
}

// planned is the plan as JSON and YAML show it.
type planned struct {
	// Version is that of the tables, 0 for none; Known that of the program. A program must know Compatible to work with the tables.
	Version    int64 `json:"version"`
	Known      int64 `json:"known"`
	Compatible int64 `json:"compatible_with"`
	// OlderGoOn says that an older program may go on while all is made, and AtWork which processes are.
	OlderGoOn  bool          `json:"older_programs_may_go_on"`
	AtWork     []string      `json:"at_work"`
	Migrations []plannedStep `json:"migrations"`
	Newer      string        `json:"error,omitempty"`
}

type plannedStep struct {
	Migration string          `json:"migration"`
	Additive  bool            `json:"additive"`
	Effects   []plannedEffect `json:"effects"`
}

type plannedEffect struct {
	Table string `json:"table,omitempty"`
	Work  string `json:"work"`
	// Rows is about how many rows the table has now, nil where that is not known.
	Rows *int64 `json:"rows,omitempty"`
}

func upgradePlan(ctx context.Context, a *app.App, output string) error {
	if err := show.CheckOutput(output); err != nil {
		return err
	}
	p, err := planOf(ctx, a)
	if err != nil {
		return err
	}
	if p == nil {
		p = &sqlcheck.Plan{State: &sqlmigrate.State{}}
	}
	out := planned{
		Version: p.Version, Known: p.Known, Compatible: p.Compatible, OlderGoOn: p.Additive(), AtWork: sqlcheck.Nodes(p.AtWork), Migrations: []plannedStep{},
	}
	if err := p.Newer(); err != nil {
		out.Newer = err.Error()
	}
	l := show.List{Columns: []string{"Migration", "Older programs go on", "Table", "What it does", "Rows"}, Wrap: []string{"What it does"}, Once: "Migration"}
	for _, m := range p.Pending {
		step := plannedStep{Migration: m.Name, Additive: m.Additive, Effects: []plannedEffect{}}
		for _, e := range m.Effects {
			effect := plannedEffect{Table: e.Table, Work: string(e.Work)}
			rows := ""
			if n, ok := p.Rows[e.Table]; ok {
				effect.Rows, rows = &n, strconv.FormatInt(n, 10)
			}
			step.Effects = append(step.Effects, effect)
			l.Add(nil, m.Name, yesNo(m.Additive), e.Table, string(e.Work), rows)
		}
		out.Migrations = append(out.Migrations, step)
	}
	for _, v := range p.JobsPending {
		name := "job tables " + strconv.FormatInt(v, 10)
		out.Migrations = append(out.Migrations, plannedStep{Migration: name, Effects: []plannedEffect{{Table: "river_job", Work: string(sqlmigrate.Unknown)}}})
		l.Add(nil, name, yesNo(false), "river_job", string(sqlmigrate.Unknown), "")
	}
	if is, err := show.Whole(a.Out, output, out); is || err != nil {
		return cmp.Or(err, p.Newer())
	}
	if p.Version == 0 {
		fmt.Fprintf(a.Err, "there are no tables yet in %s: they are made at once\n", a.Place())
		return nil
	}
	if err := p.Newer(); err != nil {
		return err
	}
	if !p.Behind() {
		fmt.Fprintf(a.Err, "nothing to do: the tables have version %d\n", p.Version)
		return nil
	}
	if err := l.Print(a.Out, output); err != nil {
		return err
	}
	fmt.Fprintln(a.Err, advice(p))
	return nil
}

// advice is what to do, in a line.
func advice(p *sqlcheck.Plan) string {
	nodes := strings.Join(sqlcheck.Nodes(p.AtWork), ", ")
	switch {
	case p.Additive():
		return "programs of the version before may go on meanwhile: replace them one by one"
	case nodes == "":
		return "no older program is at work, and none may start until it is done"
	default:
		return "stop these first, which could not go on: " + nodes
	}
}

func yesNo(yes bool) string {
	if yes {
		return "yes"
	}
	return "no"
}

func newCheck(a *app.App) *cobra.Command {
	var output string
	cmd := &cobra.Command{
		Use: "check", Short: "Look whether the store can be worked with, and how well",
		Long: `Connects to the database of the store, or opens its file, and looks at its version, encoding and
clock, at the rights of the user, the tables and pending migrations, how long a commit takes, whether
processes hear of each other, and how large it is. It changes no table, and exits with 1 if something
is wrong. A warning is not.`,
		Example: "  dingdag db check\n  DINGDAG_DATABASE_URL=postgres://… dingdag db check -o json",
		Args:    command.NoArgs,
		RunE:    func(cmd *cobra.Command, _ []string) error { return check(cmd.Context(), a, output) },
	}
	show.OutputFlag(cmd, &output)
	return cmd
}

func check(ctx context.Context, a *app.App, output string) error {
	if err := show.CheckOutput(output); err != nil {
		return err
	}
	if _, err := a.ReadSettings(); err != nil {
		return err
	}
	a.MaskOutput()
	var found sqlcheck.Findings
	if a.Shared() {
		found = postgres.Check(ctx, a.Settings.DatabaseURL, a.Clock)
	} else {
		found = sqlite.Check(ctx, a.StorePath(), a.Clock)
	}
	l := show.List{Columns: []string{"Check", "Status", "Detail"}, Wrap: []string{"Detail"}}
	for _, f := range found {
		l.Add(f, f.Check, string(f.Status), f.Detail)
	}
	if err := l.Print(a.Out, output); err != nil {
		return err
	}
	if found.Failed() {
		return command.ExitedError(1)
	}
	return nil
}
