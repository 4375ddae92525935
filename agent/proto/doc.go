// Package agentpb is what two agents say to each other: gRPC's service Agent and its messages, described in agent.proto,
// which is public and complete. The Go code is generated (scripts/protogen). The message of the hot path, Frame, is
// written and read by hand in package frame; tests hold the two to each other.
package agentpb
