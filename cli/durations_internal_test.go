package cli

import (
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/dag/dagfile"
)

// Durations are read in two places: those of every task, and those that operators
// declare. Both take and refuse the same forms.
func TestDurationsAreTheSameEverywhere(t *testing.T) {
	t.Parallel()
	c, err := newApp(t, io.Discard, io.Discard).Catalog()
	require.NoError(t, err)
	refused := func(key, operator, value string) string {
		text := fmt.Sprintf("a:\n  tasks:\n    t:\n      operator: %s\n      %s: %s\n", operator, key, value)
		_, found := dagfile.Parse("a.yaml", []byte(text), c, dagfile.Options{})
		for _, d := range found {
			if d.Severity == dag.Error {
				return d.Text
			}
		}
		return ""
	}
	for form, fine := range map[string]bool{
		"300": true, "1.5": true, "5m": true, "1h30m": true, "1d": true, "2w": true, "90s": true, "500ms": true, "1.5h": true, "PT5M": true, "P1DT12H": true,
		"P2W": true, "2 days": true, "1 hour": true, "1 Hour": true, "1 minute": true, "30 seconds": true, "2 weeks": true, "'5m'": true,
		"{__type__: datetime.timedelta, minutes: 5}": true, "{__type__: datetime.timedelta, __args__: [0, 30]}": true,

		"1 hour 30 minutes": false, "2 days ago": false, "'1 days,'": false, "'300'": false, "1:30": false, "-5": false, "-5m": false, "P1Y": false, "P1M": false,
		"soon": false, "yes": false, "[5]": false, "1 month": false, "1.5 days": false, "99999999999999w": false, ".inf": false, ".nan": false,
		"{__type__: datetime.timedelta, months: 1}": false, "{__type__: datetime.timedelta, days: -1}": false, "{__type__: datetime.date, year: 1}": false,
		"{minutes: 5}": false, "5 m": false, "m": false, "''": false, "1h 30m": false, "1e3": false,
	} {
		for key, operator := range map[string]string{"retry_delay": "empty", "delta": "time_delta_sensor", "poke_interval": "file_sensor\n      filepath: x"} {
			why := refused(key, operator, form)
			assert.Equal(t, fine, why == "", "%s: %s: %s", key, form, why)
			if !fine {
				assert.NotContains(t, strings.ToLower(why), "missing", "%s: %s", key, form)
			}
		}
	}
}
