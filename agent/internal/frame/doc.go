// Package frame reads and writes the frames of a stream between two agents. On the wire they are the protocol buffers
// that agent/proto/agent.proto describes; the generated code would copy the data of a body twice each way, and this
// package does not: [Frame.Encode] returns the caller's segments as buffers of their own, and the data of a frame that
// [Frame.Decode] has read are views of grpc's buffers until [Frame.Free]. The tests hold both to the generated code.
package frame
