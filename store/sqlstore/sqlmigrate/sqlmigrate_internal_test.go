package sqlmigrate

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// What a migration does is read from its statements.
func TestParse(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]Migration{
		"CREATE TABLE a (b TEXT DEFAULT ';'); CREATE INDEX c ON a (b);": {Effects: []Effect{{"a", Creates}}},
		"CREATE INDEX c\n ON a (b);":                                    {Effects: []Effect{{"a", Reads}}},
		"ALTER TABLE a ADD COLUMN b TEXT; -- ; it's\nINSERT INTO additive_migration (version) VALUES (7);": {
			Additive: true, Effects: []Effect{{"a", Brief}},
		},
		"INSERT INTO additive_migration (version) VALUES (8);":                {Effects: []Effect{{"additive_migration", Changes}}},
		"ALTER TABLE a ADD COLUMN b BIGINT NOT NULL DEFAULT 0":                {Effects: []Effect{{"a", Brief}}},
		"ALTER TABLE a ADD COLUMN b BIGINT GENERATED ALWAYS AS IDENTITY":      {Effects: []Effect{{"a", Rewrites}}},
		"ALTER TABLE a ADD COLUMN b TEXT DEFAULT random()":                    {Effects: []Effect{{"a", Rewrites}}},
		"ALTER TABLE a ALTER COLUMN b TYPE TEXT; alter table a drop column c": {Effects: []Effect{{"a", Rewrites}, {"a", Brief}}},
		"ALTER TABLE a ALTER COLUMN b SET NOT NULL":                           {Effects: []Effect{{"a", Reads}}},
		"UPDATE a SET b = 1; DELETE FROM c; DROP INDEX d; DROP TABLE e":       {Effects: []Effect{{"a", Changes}, {"c", Changes}, {"", Brief}, {"e", Brief}}},
		"VACUUM": {Effects: []Effect{{"", Unknown}}},
	} {
		want.Version = 7
		assert.Equal(t, want, Parse(7, "-- a\n-- +goose Up\n"+text+"\n-- +goose Down\nDROP TABLE z;"), text)
	}
}

// additiveStatement is one that nothing of an older program is in the way of. It does the same without an index that is not
// unique, as are those of River's jobs.
var additiveStatement = regexp.MustCompile(`(?i)^(?:CREATE TABLE |CREATE INDEX |DROP INDEX IF EXISTS river_job_(?:args_index|metadata_index|kind)$|ALTER TABLE \w+ ADD COLUMN \w+ )`)

// A migration that says it is additive is, and is in both databases.
func TestAdditiveMigrations(t *testing.T) {
	t.Parallel()
	said := map[string]string{}
	for _, database := range []string{"sqlite", "postgres"} {
		files, err := filepath.Glob("../../" + database + "/migrations/*.sql")
		require.NoError(t, err)
		require.NotEmpty(t, files)
		for _, path := range files {
			text, err := os.ReadFile(path)
			require.NoError(t, err)
			var version int64
			_, err = fmt.Sscanf(filepath.Base(path), "%05d_", &version)
			require.NoError(t, err)
			m := Parse(version, string(text))
			name := filepath.Base(path)
			if version > 58 && database == "postgres" {
				assert.Equal(t, said[name], strconv.FormatBool(m.Additive), "%s says the same in both databases", name)
			}
			said[name] = strconv.FormatBool(m.Additive)
			if !m.Additive {
				continue
			}
			_, up, _ := strings.Cut(string(text), "-- +goose Up")
			up, _, _ = strings.Cut(up, "-- +goose Down")
			for _, s := range statements(up) {
				if strings.HasPrefix(s, "INSERT INTO "+additiveTable) {
					continue
				}
				assert.Regexp(t, additiveStatement, s, "%s is not additive", path)
				if strings.HasPrefix(s, "ALTER") && strings.Contains(s, "NOT NULL") {
					assert.Contains(t, s, "DEFAULT", "%s: an older program inserts rows without the column", path)
				}
			}
		}
	}
}
