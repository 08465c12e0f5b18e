"""The compliance checker: rules that a workspace is held to, and a policy that only its caller gives."""
