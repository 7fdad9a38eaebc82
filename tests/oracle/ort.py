# SPDX-License-Identifier: Apache-2.0
"""ONNX Runtime as the oracle: its C ABI through ctypes, no Python package needed.

The shared library exports one function, OrtGetApiBase; GetApi(1) returns an
append-only table of function pointers, so that the slots used here (all of
version 1) stay where they are. `DISCOC_ORT` names the library.

    out = Session("model.onnx").run({"x": array})       # {output name: array}
"""

import ctypes
import os

import numpy as np

# Slots of OrtApi version 1, in the order of onnxruntime_c_api.h.
_GET_ERROR_MESSAGE = 2
_CREATE_ENV = 3
_CREATE_SESSION = 7
_CREATE_SESSION_FROM_ARRAY = 8
_RUN = 9
_CREATE_SESSION_OPTIONS = 10
_SET_LOG_SEVERITY = 22
_SET_OPTIMISATION = 23
_SET_INTRA_THREADS = 24
_SET_INTER_THREADS = 25
_INPUT_COUNT = 30
_OUTPUT_COUNT = 31
_INPUT_TYPE_INFO = 33
_OUTPUT_TYPE_INFO = 34
_INPUT_NAME = 36
_OUTPUT_NAME = 37
_CREATE_TENSOR_WITH_DATA = 49
_GET_TENSOR_DATA = 51
_CAST_TO_TENSOR_INFO = 55
_GET_ELEMENT_TYPE = 60
_GET_DIMS_COUNT = 61
_GET_DIMS = 62
_GET_TYPE_AND_SHAPE = 65
_CREATE_CPU_MEMORY_INFO = 69
_ALLOCATOR_FREE = 76
_DEFAULT_ALLOCATOR = 78
_RELEASE_STATUS = 93
_RELEASE_MEMORY_INFO = 94
_RELEASE_SESSION = 95
_RELEASE_VALUE = 96
_RELEASE_TYPE_INFO = 98
_RELEASE_TENSOR_INFO = 99
_RELEASE_SESSION_OPTIONS = 100

# ONNX's element types that numpy has as well.
DTYPES = {
    1: np.float32, 2: np.uint8, 3: np.int8, 4: np.uint16, 5: np.int16,
    6: np.int32, 7: np.int64, 9: np.bool_, 10: np.float16, 11: np.float64,
    12: np.uint32, 13: np.uint64,
}
_NUMBERS = {np.dtype(t): n for n, t in DTYPES.items()}
_POINTER = ctypes.c_void_p
_SIZE = ctypes.c_size_t


class OrtError(RuntimeError):
    """What ONNX Runtime said."""


def library_path():
    """The library's path, or None where there is none to be had."""
    path = os.environ.get("DISCOC_ORT")
    return path if path and os.path.exists(path) else None


class _Api:
    """The function table and the one environment of this process."""

    def __init__(self):
        path = library_path()
        if not path:
            raise OrtError("DISCOC_ORT does not name libonnxruntime.so.1")
        self.library = ctypes.CDLL(path)
        self.library.OrtGetApiBase.restype = _POINTER
        base = ctypes.cast(self.library.OrtGetApiBase(),
                           ctypes.POINTER(_POINTER))
        get_api = ctypes.CFUNCTYPE(_POINTER, ctypes.c_uint32)(base[0])
        self.table = ctypes.cast(get_api(1), ctypes.POINTER(_POINTER))
        self.environment = _POINTER()
        # 4 = nothing but fatal errors: others are raised as OrtError.
        self.call(_CREATE_ENV, ctypes.c_int(4), b"discoc",
                  ctypes.byref(self.environment))
        self.memory = _POINTER()
        self.call(_CREATE_CPU_MEMORY_INFO, ctypes.c_int(0), ctypes.c_int(0),
                  ctypes.byref(self.memory))
        self.allocator = _POINTER()
        self.call(_DEFAULT_ALLOCATOR, ctypes.byref(self.allocator))

    def call(self, slot, *arguments):
        """Calls a slot that returns a status."""
        function = ctypes.CFUNCTYPE(_POINTER)(self.table[slot])
        status = function(*arguments)
        if not status:
            return
        message = ctypes.CFUNCTYPE(ctypes.c_char_p, _POINTER)(
            self.table[_GET_ERROR_MESSAGE])(status)
        text = message.decode(errors="replace")
        self.release(_RELEASE_STATUS, _POINTER(status))
        raise OrtError(text)

    def release(self, slot, pointer):
        ctypes.CFUNCTYPE(None, _POINTER)(self.table[slot])(pointer)


_api = None


def api():
    global _api
    if _api is None:
        _api = _Api()
    return _api


class Session:
    """A loaded model: `inputs` and `outputs` are {name: (dtype, dims)}."""

    def __init__(self, model, threads=1, optimise=True):
        """`model`: a path, or the bytes of an ONNX file."""
        a = api()
        options = _POINTER()
        a.call(_CREATE_SESSION_OPTIONS, ctypes.byref(options))
        self._session = _POINTER()
        try:
            a.call(_SET_LOG_SEVERITY, options, ctypes.c_int(4))
            # 0 = as written, 99 = all that it has.
            a.call(_SET_OPTIMISATION, options,
                   ctypes.c_int(99 if optimise else 0))
            a.call(_SET_INTRA_THREADS, options, ctypes.c_int(threads))
            a.call(_SET_INTER_THREADS, options, ctypes.c_int(1))
            if isinstance(model, (bytes, bytearray)):
                a.call(_CREATE_SESSION_FROM_ARRAY, a.environment,
                       ctypes.c_char_p(bytes(model)), _SIZE(len(model)),
                       options, ctypes.byref(self._session))
            else:
                a.call(_CREATE_SESSION, a.environment,
                       os.fsencode(os.fspath(model)), options,
                       ctypes.byref(self._session))
        finally:
            a.release(_RELEASE_SESSION_OPTIONS, options)
        self.inputs = self._describe(_INPUT_COUNT, _INPUT_NAME,
                                     _INPUT_TYPE_INFO)
        self.outputs = self._describe(_OUTPUT_COUNT, _OUTPUT_NAME,
                                      _OUTPUT_TYPE_INFO)

    def close(self):
        if self._session:
            api().release(_RELEASE_SESSION, self._session)
            self._session = _POINTER()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def __del__(self):
        if getattr(self, "_session", None) and _api is not None:
            self.close()

    def _describe(self, count_slot, name_slot, type_slot):
        a = api()
        count = _SIZE()
        a.call(count_slot, self._session, ctypes.byref(count))
        result = {}
        for index in range(count.value):
            text = ctypes.c_char_p()
            a.call(name_slot, self._session, _SIZE(index), a.allocator,
                   ctypes.byref(text))
            name = text.value.decode()
            a.call(_ALLOCATOR_FREE, a.allocator, text)
            info = _POINTER()
            a.call(type_slot, self._session, _SIZE(index), ctypes.byref(info))
            tensor = _POINTER()
            a.call(_CAST_TO_TENSOR_INFO, info, ctypes.byref(tensor))
            # A sequence or a map has no tensor information.
            result[name] = _type_and_dims(tensor) if tensor else (None, ())
            a.release(_RELEASE_TYPE_INFO, info)
        return result

    def run(self, feeds, outputs=None):
        """Runs the model; `outputs` names what to return (default: all)."""
        a = api()
        names = list(outputs or self.outputs)
        arrays = {k: np.ascontiguousarray(v).reshape(np.shape(v))
                  for k, v in feeds.items()}
        values = (_POINTER * max(1, len(arrays)))()
        results = (_POINTER * len(names))()
        try:
            for index, array in enumerate(arrays.values()):
                value = _POINTER()
                _make_tensor(array, value)
                values[index] = value.value
            in_names = (ctypes.c_char_p * max(1, len(arrays)))(
                *[n.encode() for n in arrays])
            out_names = (ctypes.c_char_p * len(names))(
                *[n.encode() for n in names])
            a.call(_RUN, self._session, _POINTER(), in_names, values,
                   _SIZE(len(arrays)), out_names, _SIZE(len(names)), results)
            return {n: _to_array(_POINTER(results[i]))
                    for i, n in enumerate(names)}
        finally:
            for value in list(values) + list(results):
                if value:
                    a.release(_RELEASE_VALUE, _POINTER(value))


def _make_tensor(array, value):
    number = _NUMBERS.get(array.dtype)
    if number is None:
        raise OrtError(f"no ONNX type for {array.dtype}")
    dims = (ctypes.c_int64 * max(1, array.ndim))(*array.shape)
    # A pointer to no bytes must still be one.
    data = array.ctypes.data_as(_POINTER)
    api().call(_CREATE_TENSOR_WITH_DATA, api().memory, data,
               _SIZE(array.nbytes), dims, _SIZE(array.ndim),
               ctypes.c_int(number), ctypes.byref(value))


def _type_and_dims(tensor_info):
    a = api()
    number = ctypes.c_int()
    a.call(_GET_ELEMENT_TYPE, tensor_info, ctypes.byref(number))
    count = _SIZE()
    a.call(_GET_DIMS_COUNT, tensor_info, ctypes.byref(count))
    dims = (ctypes.c_int64 * max(1, count.value))()
    a.call(_GET_DIMS, tensor_info, dims, count)
    return DTYPES.get(number.value), tuple(dims[:count.value])


def _to_array(value):
    a = api()
    info = _POINTER()
    a.call(_GET_TYPE_AND_SHAPE, value, ctypes.byref(info))
    dtype, dims = _type_and_dims(info)
    a.release(_RELEASE_TENSOR_INFO, info)
    if dtype is None:
        raise OrtError("an output has an element type that numpy lacks")
    data = _POINTER()
    a.call(_GET_TENSOR_DATA, value, ctypes.byref(data))
    result = np.empty(dims, dtype)
    if result.nbytes:
        ctypes.memmove(result.ctypes.data, data.value, result.nbytes)
    return result
