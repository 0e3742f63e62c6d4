<?php
namespace Shop;
use Vendor\Failure;
try { risky(); } catch (Failure $e) { throw new Wrapped($e); } catch (\LogicException | Sub\Problem | Failure\Deep $e) {
    throw $e;
} catch (\Throwable $t) { throw new \RuntimeException(Failure::TEXT, 0, $t); } finally { Done::now(); }
