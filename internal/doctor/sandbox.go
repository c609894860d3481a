package doctor

// sandbox says what of "run --sandbox" this machine can do. It is no fault of an installation that it cannot.
func (e *examination) sandbox() []Check {
	if e.Sandbox == nil {
		return nil
	}
	features := e.Sandbox()
	if len(features) == 0 {
		return []Check{noted("sandbox", "run --sandbox is not available on this system", "")}
	}
	checks := make([]Check, len(features))
	for i, f := range features {
		detail := f.Detail
		if !f.OK {
			detail = "run --sandbox is not available: " + detail
		}
		checks[i] = noted("sandbox_"+f.Name, detail, f.Hint)
	}
	return checks
}
