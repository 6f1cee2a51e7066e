package conformance

func (x *interpreter) countWindows(*Step) (any, error) { return nil, notExpressed("windowedBy") }

func (x *interpreter) reduceWindows(*Step, Reducer) (any, error) {
	return nil, notExpressed("windowedBy")
}

func (x *interpreter) aggregateWindows(*Step, func() any) (any, error) {
	return nil, notExpressed("windowedBy")
}
