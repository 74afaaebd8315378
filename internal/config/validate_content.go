package config

// content checks what is done to answers: files, headers, compression, error pages and faults.
func (v *validator) content(at path, route Route) {
	for _, headers := range []struct {
		key string
		h   Headers
	}{{"request_headers", route.RequestHeaders}, {"response_headers", route.ResponseHeaders}} {
		v.headers(at.key(headers.key).key("set"), headers.h.Set)
	}
}
