package stream

import (
	"net/http"

	"github.com/dingdag/dingdag/sandbox/internal/core"
)

// ofApp names an app, or all of them when the key is empty.
type ofApp struct {
	App string `json:"app"`
}

func (s *Service) routeAPI() {
	c := s.core
	c.API("GET /sandbox/api/stream", func(*http.Request) (any, error) { return s.Stream(), nil })
	c.API("PUT /sandbox/api/stream", core.APIAdd(func(in Settings) (any, error) {
		if err := s.SetStream(in); err != nil {
			return nil, err
		}
		return s.Stream(), nil
	}))
	c.API("GET /sandbox/api/stream/connections", core.APIList("connections", s.Connections))
	c.API("GET /sandbox/api/stream/deliveries", core.APIList("deliveries", s.Deliveries))
	c.API("GET /sandbox/api/stream/faults", core.APIList("faults", s.StreamFaults))
	c.API("POST /sandbox/api/stream/faults", core.APIAdd(func(f Fault) (any, error) {
		if err := s.AddStreamFault(f); err != nil {
			return nil, err
		}
		return core.Object{"faults": core.NotNil(s.StreamFaults())}, nil
	}))
	c.API("DELETE /sandbox/api/stream/faults", func(*http.Request) (any, error) {
		s.ClearStreamFaults()
		return struct{}{}, nil
	})
	c.API("POST /sandbox/api/stream/redeliver", func(*http.Request) (any, error) {
		return core.Object{"redelivered": s.Redeliver()}, nil
	})
	c.API("POST /sandbox/api/stream/disconnect", core.APIAdd(func(in ofApp) (any, error) {
		return core.Object{"connections": s.Disconnect(in.App)}, nil
	}))
	c.API("POST /sandbox/api/stream/hang_up", core.APIAdd(func(in ofApp) (any, error) {
		return core.Object{"connections": s.HangUp(in.App)}, nil
	}))
}
