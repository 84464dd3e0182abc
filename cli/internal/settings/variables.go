package settings

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/dingdag/dingdag/cli/internal/show"
	"github.com/dingdag/dingdag/yamlvalue"
)

// variableOf is the environment variable of a setting.
func variableOf(key string) string {
	return prefix + strings.ToUpper(strings.ReplaceAll(key, ".", "_"))
}

// prefix begins the names of the program's environment variables.
const prefix = "DINGDAG_"

// The variables of a machine that calls commands on a server.
const (
	ServerVariable = prefix + "SERVER"
	TokenVariable  = prefix + "TOKEN"
	// TimezoneVariable is that of the setting timezone.
	TimezoneVariable = prefix + "TIMEZONE"
)

// notSettings are the variables with the prefix that are no settings: connections and
// variables, those of this project's tests, and what Kubernetes gives to every container
// beside a service that is called dingdag.
var notSettings = regexp.MustCompile(`^DINGDAG_(?:CONN_.*|VAR_.*|TEST_.*|BIN|SERVICE_HOST|SERVICE_PORT(?:_.*)?|PORT(?:_\d+_(?:TCP|UDP|SCTP)(?:_\w+)?)?)$`)

// unknownVariables says which variables look like settings and are none: a mistyped one
// would have no effect, and nobody would know.
func unknownVariables(o show.IO) (errs []error) {
	if o.Environ == nil {
		return nil
	}
	known := []string{variableOf(HomeKey), ServerVariable, TokenVariable}
	for _, key := range keys() {
		known = append(known, variableOf(key))
	}
	names := o.Environ()
	slices.Sort(names)
	for _, entry := range names {
		name, value, _ := strings.Cut(entry, "=")
		if value == "" || !strings.HasPrefix(name, prefix) || slices.Contains(known, name) || notSettings.MatchString(name) {
			continue
		}
		errs = append(errs, fmt.Errorf("%s: not a setting%s; unset it: names that begin with %s are reserved for the program", name, yamlvalue.DidYouMean(name, slices.Values(known)), prefix))
	}
	return errs
}

// Home is the home folder: the value of --home, else $DINGDAG_HOME, else ~/.dingdag. With neither a
// value nor a home of the user it is an error.
func Home(env func(string) (string, bool), flag string) (string, error) {
	home := flag
	if home == "" {
		home, _ = env(variableOf(HomeKey))
	}
	if home == "" {
		user, err := os.UserHomeDir()
		if err != nil {
			return "", errors.New("no home folder: set DINGDAG_HOME or use --home")
		}
		home = filepath.Join(user, ".dingdag")
	}
	return filepath.Abs(home)
}
