package upkeep

import (
	"context"
	"fmt"
	"net/url"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/dingdag/dingdag/cli/internal/app"
	"github.com/dingdag/dingdag/cli/internal/command"
	"github.com/dingdag/dingdag/cli/internal/show"
	"github.com/dingdag/dingdag/store/sqlite"
	"github.com/dingdag/dingdag/store/sqlstore/sqlcopy"
	"github.com/dingdag/dingdag/store/sqlstore/sqlrow"
)

// copying is what the command is told.
type copying struct{ to, from, output string }

func newCopy(a *app.App) *cobra.Command {
	var c copying
	cmd := &cobra.Command{
		Use: "copy", Short: "Copy the store of a home folder into a PostgreSQL database",
		Long: `Copies all that the store in the file of a home folder holds, with history and what is queued, into
an empty PostgreSQL database, and compares both sides by the number of rows and a checksum of each
table, which it prints. No dingdag may be running on either side. The file is only read.

A copy that was interrupted goes on when the command is run again; until it has ended well nothing
else opens the database. Better give the URL as DINGDAG_DATABASE_URL: others on this machine see the
arguments of commands.

What is encrypted stays so: each process on the database needs the key of the store. Text that
PostgreSQL does not take, with NUL or invalid UTF-8, gets U+FFFD in place of that. Logs of tasks are
files and are not copied.`,
		Example: "  DINGDAG_DATABASE_URL=postgres://dingdag:PASSWORD@db.example.com/dingdag dingdag db copy\n" +
			"  dingdag db copy --from /var/lib/dingdag --to postgres://dingdag@db.example.com/dingdag",
		Args: command.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return c.run(cmd.Context(), a) },
	}
	f := cmd.Flags()
	f.StringVar(&c.to, "to", "", "URL of the database (default DINGDAG_DATABASE_URL, or database_url in dingdag.yaml)")
	f.StringVar(&c.from, "from", "", "home folder with the store (default that of --home)")
	show.OutputFlag(cmd, &c.output)
	_ = cmd.MarkFlagDirname("from")
	return cmd
}

// copied is a table as JSON and YAML show it.
type copied struct {
	Table    string `json:"table"`
	Rows     int64  `json:"rows"`
	Checksum string `json:"checksum"`
	// Replaced are the texts in which something was replaced.
	Replaced int64 `json:"replaced_texts"`
}

func (c *copying) run(ctx context.Context, a *app.App) error {
	if err := show.CheckOutput(c.output); err != nil {
		return err
	}
	if _, err := a.ReadSettings(); err != nil {
		return err
	}
	if c.to == "" {
		c.to = a.Settings.DatabaseURL
	}
	a.HideDatabase(c.to)
	if c.to == "" {
		return command.Usagef("no database is named: pass --to postgres://user@host/database, or set DINGDAG_DATABASE_URL")
	}
	target, err := url.Parse(c.to)
	if err != nil || target.Scheme != "postgres" && target.Scheme != "postgresql" {
		return command.Usagef("--to must be a URL of PostgreSQL: postgres://user:password@host:5432/database")
	}
	folder := a.Settings.Home
	if c.from != "" {
		if folder, err = filepath.Abs(c.from); err != nil {
			return err
		}
	}
	from, err := a.OpenFile(ctx, folder)
	if err != nil {
		return err
	}
	if err := opens(ctx, a, from, folder); err != nil {
		return err
	}
	to, err := a.OpenCopy(ctx, c.to)
	if err != nil {
		return err
	}
	name := (&url.URL{Scheme: "postgres", Host: target.Host, Path: target.Path}).String()
	tell, done := telling(a)
	began := false
	tables, err := sqlcopy.Copy(ctx, from.Side(), to.Side(name), sqlcopy.Options{Progress: func(p sqlcopy.Progress) {
		began = true
		tell(p)
	}})
	done()
	if err != nil && !began {
		return err
	}
	if err != nil {
		return fmt.Errorf("%w; what is copied so far is kept, and the same command goes on with it", err)
	}
	return c.report(a, tables, folder, name)
}

// opens makes sure that the key of this process, with which what is copied will be read, opens what the store has encrypted.
func opens(ctx context.Context, a *app.App, s *sqlite.Store, folder string) error {
	_, err := s.Connections().Connections(ctx)
	if err == nil {
		_, err = s.Vault().Variables(ctx)
	}
	var keys []string
	if err == nil {
		keys, err = sqlrow.Column[string](ctx, s.Side().Conn, "SELECT key FROM app_token")
	}
	for _, key := range keys {
		if err == nil {
			_, err = s.Token(ctx, key)
		}
	}
	if err == nil {
		return nil
	}
	return fmt.Errorf("the key of this process does not open what the store of %s has encrypted: copy %s to %s, or set DINGDAG_SECRET_KEY to what is in it: %w",
		folder, filepath.Join(folder, "secret.key"), filepath.Join(a.Settings.Home, "secret.key"), err)
}

// pause is how often it is told how far a copy is, where there is no terminal.
const pause = 5 * time.Second

// telling shows how far a copy is: on a terminal in one line, else in a line now and then.
func telling(a *app.App) (tell func(sqlcopy.Progress), done func()) {
	line := func(p sqlcopy.Progress) string {
		doing := "copying "
		if p.Verifying {
			doing = "comparing "
		}
		if p.Of == 0 {
			return doing + p.Table
		}
		return fmt.Sprintf("%s%s: %d of %d rows (%d %%)", doing, p.Table, p.Rows, p.Of, 100*p.Rows/p.Of)
	}
	if show.IsTerminal(a.Err) {
		live := show.NewLiveLine(show.IO{Out: a.Err})
		return func(p sqlcopy.Progress) { live.Show(line(p)) }, live.Clear
	}
	var last time.Time
	return func(p sqlcopy.Progress) {
		if now := a.Clock(); now.Sub(last) >= pause {
			last = now
			fmt.Fprintln(a.Err, line(p))
		}
	}, func() {}
}

// report prints what was copied and what is left to do.
func (c *copying) report(a *app.App, tables []sqlcopy.Table, folder, name string) error {
	l := show.List{Columns: []string{"Table", "Rows", "Checksum", "Replaced"}}
	var rows int64
	var changed []string
	for _, t := range tables {
		rows += t.Sum.Rows
		if t.Replaced > 0 {
			changed = append(changed, fmt.Sprintf("%d of %s", t.Replaced, t.Name))
		}
		if t.Sum.Rows == 0 && c.output == "table" {
			continue
		}
		l.Add(copied{t.Name, t.Sum.Rows, t.Sum.Checksum(), t.Replaced}, t.Name, strconv.FormatInt(t.Sum.Rows, 10), t.Sum.Checksum(), strconv.FormatInt(t.Replaced, 10))
	}
	if err := l.Print(a.Out, c.output); err != nil {
		return err
	}
	fmt.Fprintf(a.Err, "copied %d rows of %d tables to %s; both sides are the same\n", rows, len(tables), name)
	if len(changed) > 0 {
		a.Notef("these texts had NUL or invalid UTF-8 in them, which PostgreSQL does not take, and have U+FFFD in place of that: %s", strings.Join(changed, ", "))
	}
	a.Notef("logs of tasks are files and were not copied: they are in %s", filepath.Join(folder, "logs"))
	if a.Settings.SecretKey == "" {
		a.Notef("each process on the database needs the key %s, or DINGDAG_SECRET_KEY with what is in it", filepath.Join(a.Settings.Home, "secret.key"))
	}
	a.Notef("from now on set database_url, or DINGDAG_DATABASE_URL, wherever dingdag runs; %s is as it was, and is not used any more", filepath.Join(folder, "dingdag.db"))
	return nil
}
