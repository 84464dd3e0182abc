package settings

import (
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"
)

// HomeKey stands for the home folder among the settings, though it is not one: dingdag.yaml lies
// there.
const HomeKey = "home"

// TimezoneKey is the setting of the zone in which times are shown.
const TimezoneKey = "timezone"

// AddFlags gives a command and those below it the flags of the home folder and of the settings
// that have one.
func AddFlags(cmd *cobra.Command) {
	f := cmd.PersistentFlags()
	f.String(HomeKey, "", "folder of the store, the key and the logs (default $DINGDAG_HOME or ~/.dingdag)")
	for _, s := range settings() {
		if s.flag != "" {
			f.String(flagOf(s.key), "", s.flag)
		}
	}
}

// ReadFlags takes the settings that a command line sets, by their keys, and [HomeKey].
func ReadFlags(cmd *cobra.Command, into map[string]string) {
	read := func(key string) {
		if f := cmd.Flags().Lookup(flagOf(key)); f != nil && f.Changed {
			into[key] = f.Value.String()
		}
	}
	read(HomeKey)
	for _, s := range settings() {
		if s.flag != "" {
			read(s.key)
		}
	}
}

// ServersFlag is a flag of a command line that sets what somebody on another machine does not; empty for none.
func ServersFlag(cmd *cobra.Command) string {
	set := map[string]string{}
	ReadFlags(cmd, set)
	delete(set, TimezoneKey)
	for _, key := range slices.Sorted(maps.Keys(set)) {
		return flagOf(key)
	}
	return ""
}

// flagOf is the flag of a setting.
func flagOf(key string) string { return strings.ReplaceAll(key, "_", "-") }

// withFlag gives a setting a flag with a text of its own, else that of the setting.
func (s setting) withFlag(text string) setting {
	s.flag = text
	if text == "" {
		s.flag = s.doc + " (default " + s.def + ")"
	}
	return s
}
