package reading

import (
	"errors"
	"fmt"
	"sync"
	"time"
)

// Zones keeps loaded zones: reading one costs more than a whole DAG file. Safe
// for concurrent use.
type Zones struct{ zones sync.Map }

var errNoZone = errors.New("no such zone")

// Load returns the zone with an IANA name.
func (c *Zones) Load(name string) (*time.Location, error) {
	if loc, ok := c.zones.Load(name); ok {
		return loc.(*time.Location), nil
	}
	// Go takes these two for UTC and for the zone of the machine.
	if name == "" || name == "Local" {
		return nil, errNoZone
	}
	loc, err := time.LoadLocation(name)
	if err != nil {
		return nil, fmt.Errorf("load zone %q: %w", name, err)
	}
	c.zones.Store(name, loc)
	return loc, nil
}
